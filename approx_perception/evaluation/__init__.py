"""Evaluations from beginning to end: sources and systems in, records and results out."""
