"""The design compiled and run: the virtual board behind a serial port, and the cocotb benches."""
