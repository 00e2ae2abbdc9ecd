"""The version of this release. The images hold no pyproject.toml, which a test holds this to."""

VERSION = "0.1.0"
