"""What an output is worth, by task."""
