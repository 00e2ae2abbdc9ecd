"""Threads beside the web server: the outbox relay and maintenance."""
