"""Recorded machines, replay, and what hindsight would choose."""
