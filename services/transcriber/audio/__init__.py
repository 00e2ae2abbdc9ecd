"""Audio files: decoding, joining, remuxing and measuring."""
