"""The clip API: its pure parts alone, and the real process on both kinds of parts."""
