"""Revisions of a clip's words: what they were, and how one is restored."""
