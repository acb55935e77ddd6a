"""``ohmprop device``: memristors; the word device means them on the command line, and a file is a command."""
