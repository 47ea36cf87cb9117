"""What others use of the machine, as its monitors tell."""
