"""FPGA boards: one file each, and what builds and programs them."""
