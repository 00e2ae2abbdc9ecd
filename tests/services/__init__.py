"""The services, each on its own."""
