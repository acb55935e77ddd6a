"""What comes in which clock: sequencer, sweeps, inputs, random numbers."""
