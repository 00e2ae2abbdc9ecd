"""The page that browsers load, and its version."""
