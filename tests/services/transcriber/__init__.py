"""Tests of the transcriber."""
