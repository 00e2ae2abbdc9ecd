"""The fan-out: every open browser sees every change at once, and misses none. Touches Redis only."""
