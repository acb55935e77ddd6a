"""Control: sequencer, sweeps, inputs, random numbers."""
