"""What parts of a space take, by content and contention: predict and observe."""
