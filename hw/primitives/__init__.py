"""What an FPGA has ready-made, a file a family of FPGAs: multipliers and memories."""
