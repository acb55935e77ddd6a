"""Where each synapse lies in the weight memory, and the sweeps that read and program it."""
