"""Speech models: which there are, and how they come to this machine."""
