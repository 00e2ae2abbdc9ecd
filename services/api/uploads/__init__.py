"""Resumable uploads (tus), and the finish of a recording."""
