"""Transcripts: the table of their revisions."""
