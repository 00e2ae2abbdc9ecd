"""The database: engines, sessions and column types."""
