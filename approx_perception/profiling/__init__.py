"""Measure on this device what branches cost and are worth."""
