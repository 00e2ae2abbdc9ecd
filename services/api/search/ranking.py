"""How good a match is, and how many matches are ranked."""

MAX_WEIGHED_CHARS = 10_000
"""Characters of a text in which occurrences are counted: ten minutes of speech."""


NAME_WEIGHT, TAGS_WEIGHT, MAX_TEXT_WEIGHT, WHOLE_WORD_WEIGHT = 10, 6, 4, 1
"""The weight of a match in the name, in the tags, in the text once for each occurrence, and of a whole word."""


MAX_RANKED = 300
"""The newest matches, which are ranked; the older ones follow, the newest first.

A word that is in every clip is in a hundred thousand of them, and to weigh each takes longer than people wait.
"""
