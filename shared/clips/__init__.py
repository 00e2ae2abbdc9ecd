"""A clip: its table, its public form, its queries."""
