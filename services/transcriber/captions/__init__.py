"""Captions: the words of a recording while it is being made."""
