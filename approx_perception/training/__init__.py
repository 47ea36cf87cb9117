"""Training of the networks that ship, and fitting of predictors from records."""
