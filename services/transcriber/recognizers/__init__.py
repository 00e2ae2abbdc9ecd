"""Recognizers: one protocol, and a module for each that speaks it."""
