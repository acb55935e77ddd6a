"""What the user sees and keeps."""
