"""The transactional outbox: rows that are written with a clip, and their publication to Redis."""
