"""Search: folding of words, and the index."""
