"""The three services. The path is the import: each starts with `python -m services.NAME`."""
