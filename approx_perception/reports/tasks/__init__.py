"""How outputs are written and shown, by task."""
