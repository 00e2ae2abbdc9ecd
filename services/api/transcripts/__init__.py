"""Transcripts as other programs read them, and when each word was said."""
