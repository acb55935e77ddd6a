"""The machine as a circuit: memristors, amplifiers and capacitors that settle where the machine's integers do."""
