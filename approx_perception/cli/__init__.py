"""The command ``approx-perception``, one file a verb; the library does the work."""
