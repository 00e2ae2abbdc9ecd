"""The page: its files, its service worker and its version."""
