"""What checks and measures the source tree: `make lint` runs imports and sizes; room_lines counts code per room."""
