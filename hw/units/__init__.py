"""The arithmetic of a lane, unit by unit."""
