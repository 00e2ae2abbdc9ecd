"""Search: folding of text, queries, and the tables of the index."""
