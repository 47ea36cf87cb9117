"""How accuracy by content is learned, by task."""
