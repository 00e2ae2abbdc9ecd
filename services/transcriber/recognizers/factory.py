"""The recognizer that the settings ask for."""

import structlog

from services.transcriber.models.registry import Models
from services.transcriber.recognizers.recognizer import Recognizer
from services.transcriber.settings import TranscriberSettings

log = structlog.get_logger(__name__)

NOBODY = (
    "Nothing here turns speech into words: set WHISPER_URL to a Whisper server, "
    "or install the embedded engine (the package faster-whisper), then ask again."
)


def open_recognizer(settings: TranscriberSettings, models: Models | None = None) -> Recognizer | None:
    """The one that the settings ask for; None if this installation has none. Loads nothing heavy yet."""
    several = settings.each()
    opened = [(found, each.jobs_at_once()) for each in several if (found := _open_one(each, models))]
    if 0 < len(opened) < len(several):
        log.warning("WHISPER_URL names the embedded engine, which is not installed; it goes without")
    if len(opened) > 1:
        from services.transcriber.recognizers.fallback import PreferredRecognizer

        return PreferredRecognizer(opened)
    return opened[0][0] if opened else None


def _open_one(settings: TranscriberSettings, models: Models | None) -> Recognizer | None:
    if settings.whisper_url.endswith("/audio/transcriptions"):
        from services.transcriber.recognizers.openai import OpenAIRecognizer

        return OpenAIRecognizer(settings)
    if settings.whisper_url:
        from services.transcriber.recognizers.cog import CogRecognizer

        return CogRecognizer(settings)
    from services.transcriber.recognizers.embedded import EmbeddedRecognizer, is_installed

    return EmbeddedRecognizer(settings, models) if is_installed() else None
