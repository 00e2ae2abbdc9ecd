"""Export and import of a library as a zip."""
