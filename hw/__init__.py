"""The machine in Amaranth, from multiplier lane to UART."""
