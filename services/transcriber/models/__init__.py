"""Speech models: download and registry."""
