"""The fan-out: its hub alone, and the real process on a real Redis."""
