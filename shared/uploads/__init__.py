"""Uploads: the tables of uploads and of their pieces."""
