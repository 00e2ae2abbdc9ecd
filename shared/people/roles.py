"""What a person may do in a library."""

import enum


class Role(enum.StrEnum):
    """Each role may do what the one before it may."""

    READER = "reader"
    """Reads and plays."""
    EDITOR = "editor"
    """Records, changes, and moves clips to the bin."""
    OWNER = "owner"
    """Empties the bin, and says who else comes in."""
