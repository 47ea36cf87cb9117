"""Everything that only comparisons need."""
