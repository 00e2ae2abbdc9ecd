"""The outbox: promises to Redis, and how they are kept."""
