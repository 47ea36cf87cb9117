"""Fakes and contract test classes, for our tests and for those of new families."""
