"""What the user sees, and files that the user keeps."""
