"""The jobs of the worker: preparation and transcription, and what both share."""
