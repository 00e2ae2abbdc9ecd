"""The bare engine: reads lines of file names, and says for each how many seconds their transcription took."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from faster_whisper import WhisperModel

from services.transcriber.recognizers.embedded import OPTIONS


def main() -> None:
    folder, jobs = sys.argv[1], int(sys.argv[2])
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1, num_workers=jobs)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.monotonic()
        with ThreadPoolExecutor(jobs) as pool:
            for segments in pool.map(lambda clip: list(model.transcribe(clip, **OPTIONS)[0]), line.split()):
                assert segments
        print(time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()
