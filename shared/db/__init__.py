"""Databases: engines and column types."""
