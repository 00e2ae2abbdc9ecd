"""Clips: the table, the public form, the statements, and what belongs to a clip."""
