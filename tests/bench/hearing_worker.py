"""What the embedded engine hears in files, and its processor time: of any commit, by that commit's tree in PYTHONPATH.

Imports only what has been there for long. Takes a model's folder and paths of files; writes what it found as JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from services.transcriber.audio.fetch import measure_audio
from services.transcriber.errors import AudioRejected, never_cancelled
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.settings import TranscriberSettings


def main() -> None:
    model, *paths = sys.argv[1:]
    engine = EmbeddedRecognizer(TranscriberSettings(_env_file=None, whisper_model=model, concurrency=1))
    found: dict[str, dict[str, Any]] = {}
    for path in (paths[0], *paths):  # the first one twice: it loads the model
        began = time.process_time()
        with Path(path).open("rb") as file:
            try:
                audio = measure_audio(file, Path(path).stat().st_size, "application/octet-stream")
                heard = engine.transcribe(audio, attempt_id="hearing", check_cancelled=never_cancelled)
            except AudioRejected as error:
                found[path] = {"text": "", "rejected": str(error)}
                continue
        found[path] = {
            "text": heard.text,
            "cpu_s": time.process_time() - began,
            "not_understood": getattr(heard, "not_understood", []),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
