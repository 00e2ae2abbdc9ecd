"""The libraries that clips belong to."""

HOME = "home"
"""The one library until people can sign in. Every query and stream is already per library."""
