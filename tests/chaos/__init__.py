"""Random faults against the whole system, people beside it, and an oracle that knows what was acknowledged."""
