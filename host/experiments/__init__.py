"""What the commands compute."""
