"""Audio: decoding, joining, remuxing, measuring."""
