"""A library as a zip: out and in."""
