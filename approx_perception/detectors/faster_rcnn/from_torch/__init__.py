"""Networks of torch: built, read from files, trained and exported. Nothing here runs a camera."""
