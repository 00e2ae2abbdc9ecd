"""People, and what they may do in a library."""
