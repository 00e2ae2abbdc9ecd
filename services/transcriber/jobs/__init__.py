"""The jobs: what they share, preparation, transcription."""
