"""Hallucinations: Whisper fills silence and noise with the words that often stand under silent films on the web.

The thresholds are those of openai/whisper's `transcribe.py`, where they decide on another pass. Here they decide which
passages are dropped.
"""

NO_SPEECH_THRESHOLD = 0.6
"""Probability of silence above which a passage is doubted."""

LOGPROB_THRESHOLD = -0.5
"""Mean log probability of the words below which a doubted passage is dropped."""

COMPRESSION_RATIO_THRESHOLD = 2.4
"""Length of a text divided by its compressed length. Above, the text repeats itself."""

MAX_COMPRESSION_RATIO = 12
"""Above, nobody speaks like that: one sentence twenty times in half a minute, or one word fifty times."""

STOCK_PHRASES = frozenset(
    """
    you|thank you|thanks|bye|okay|so|thank you very much|thanks for watching|thank you for watching|see you next time
    |please subscribe|subscribe to my channel|subtitles by the amara.org community|untertitel der amara.org-community
    |vielen dank|sous-titres réalisés par la communauté d'amara.org|amara.org|music|applause|silence|beep
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
"""The most frequent hallucinations, in lower case and without the signs around them."""


def is_hallucination(
    text: str, previous_text: str, *, no_speech_prob: float, avg_logprob: float, compression_ratio: float
) -> bool:
    """Whether to drop a passage, by Whisper's scores and the text of the passage before it.

    A passage with speech is kept, unless it repeats itself.
    """
    is_repetitive = compression_ratio > COMPRESSION_RATIO_THRESHOLD
    if compression_ratio > MAX_COMPRESSION_RATIO or (is_repetitive and text == previous_text):
        return True
    is_doubted = no_speech_prob > NO_SPEECH_THRESHOLD
    return is_doubted and (is_stock_phrase(text) or avg_logprob < LOGPROB_THRESHOLD or is_repetitive)


def is_stock_phrase(text: str) -> bool:
    """Whether a text is one of the most frequent hallucinations, or has no words."""
    phrase = text.lower().strip(" .!?…♪[]()*")
    return not phrase or phrase in STOCK_PHRASES
