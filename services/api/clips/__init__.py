"""Clips: their routes by id and by name, their audio, their names."""
