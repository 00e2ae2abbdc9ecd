"""What broke in the seed, and what may break at any moment: each is staged for real."""
