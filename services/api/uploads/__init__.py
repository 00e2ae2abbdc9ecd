"""Resumable uploads (tus), and the end of a recording."""
