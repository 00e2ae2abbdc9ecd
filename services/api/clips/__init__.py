"""Clips: their routes, their audio, their names."""
