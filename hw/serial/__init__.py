"""The machine with one neuron and one synapse unit for all lanes."""
