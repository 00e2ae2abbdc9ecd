"""Recognizers: one protocol, one module for each implementation, and what they share."""
