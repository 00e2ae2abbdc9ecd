"""Open the recognizer that the settings ask for."""

import structlog

from services.transcriber.models.registry import ModelRegistry
from services.transcriber.recognizers.recognizer import Recognizer
from services.transcriber.settings import TranscriberSettings

log = structlog.get_logger(__name__)

NO_RECOGNIZER = (
    "Nothing here turns speech into words: set WHISPER_URL to a Whisper server, "
    "or install the embedded engine (the package faster-whisper), then ask again."
)


def open_recognizer(settings: TranscriberSettings, models: ModelRegistry | None = None) -> Recognizer | None:
    """Open the recognizer without loading its model. None if this installation has no recognizer."""
    per_recognizer = settings.for_each_recognizer()
    opened = [
        (recognizer, each.concurrent_clips()) for each in per_recognizer if (recognizer := _open_one(each, models))
    ]
    if 0 < len(opened) < len(per_recognizer):
        log.warning("WHISPER_URL names the embedded engine, which is not installed; going on without it")
    if len(opened) > 1:
        from services.transcriber.recognizers.fallback import FallbackRecognizer

        return FallbackRecognizer(opened)
    return opened[0][0] if opened else None


def _open_one(settings: TranscriberSettings, models: ModelRegistry | None) -> Recognizer | None:
    if settings.whisper_url.endswith("/audio/transcriptions"):
        from services.transcriber.recognizers.openai import OpenAIRecognizer

        return OpenAIRecognizer(settings)
    if settings.whisper_url:
        from services.transcriber.recognizers.cog import CogRecognizer

        return CogRecognizer(settings)
    from services.transcriber.recognizers.embedded import EmbeddedRecognizer
    from services.transcriber.recognizers.voice_activity import is_installed

    return EmbeddedRecognizer(settings, models) if is_installed() else None
