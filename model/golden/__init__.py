"""The golden machine: predicts every bit of the hardware, and what a board answers on its link."""
