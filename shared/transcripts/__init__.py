"""Transcripts: the table of revisions."""
