"""The page in real Chromium, used as a person uses it."""
