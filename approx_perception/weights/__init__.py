"""Networks that ship, each with a model card and an accuracy table; and networks by name."""
