"""Uploads and their pieces."""
