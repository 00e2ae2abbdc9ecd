"""The list of clips, and what is found in it."""
