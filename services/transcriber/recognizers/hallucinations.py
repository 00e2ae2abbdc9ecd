"""Words that nobody said: Whisper fills silence and noise with what often stood under silent films on the web.

The limits are those of openai/whisper's `transcribe.py`, where they decide on another try; here, on what is believed.
"""

SILENT = 0.6
"""The model's own probability that nobody spoke, from which on its words are doubted."""

UNSURE = -0.5
"""Mean log probability of a word, below which a doubted passage is not believed."""

REPETITIVE = 2.4
"""Times that a text is longer than when it is compressed: above, it says one thing again and again."""

RAVING = 12
"""From here on no person speaks: it is a sentence said twenty times over in half a minute, or one word fifty times."""

PHRASES = frozenset(
    """
    you|thank you|thanks|bye|okay|so|thank you very much|thanks for watching|thank you for watching|see you next time
    |please subscribe|subscribe to my channel|subtitles by the amara.org community|untertitel der amara.org-community
    |vielen dank|sous-titres réalisés par la communauté d'amara.org|amara.org|music|applause|silence|beep
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
"""What is made up most often, in lower case and without what stands around it."""


def is_phantom(text: str, before: str, *, silent: float, confidence: float, repetition: float) -> bool:
    """Whether a passage is not to be believed, because of what the model says of it and of the text `before` it.

    A model that heard speech is believed, unless it says the same again and again.
    """
    if repetition > RAVING or (repetition > REPETITIVE and text == before):
        return True
    return silent > SILENT and (is_phrase(text) or confidence < UNSURE or repetition > REPETITIVE)


def is_phrase(text: str) -> bool:
    """Whether a text is nothing but one of the phrases that are made up most often, or signs alone."""
    said = text.lower().strip(" .!?…♪[]()*")
    return not said or said in PHRASES
