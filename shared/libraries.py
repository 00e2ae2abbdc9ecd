"""Libraries: the owners of clips."""

HOME = "home"
"""Id of the only library, until people can sign in. Every query and every stream is per library already."""
