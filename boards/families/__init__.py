"""FPGA families: what is the same for every board with such an FPGA."""
