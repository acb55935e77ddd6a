"""The machine with a neuron and a synapse unit in every lane."""
