"""From the serial line to the machine: frames, requests, replies."""
