"""The fan-out: every open browser receives every change at once, and misses none. Uses Redis only."""
