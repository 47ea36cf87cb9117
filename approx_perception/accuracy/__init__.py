"""What branches are worth, by content."""
