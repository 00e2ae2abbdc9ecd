"""Kinds of files by their first bytes: which are taken, and why others are not."""
