"""Lists of clips, and searches in them."""
