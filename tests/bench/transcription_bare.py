"""The bare engine: reads lines of file names, and says when it has transcribed those of each."""

import sys
from concurrent.futures import ThreadPoolExecutor

from faster_whisper import WhisperModel

from services.transcriber.recognizers.block import TRANSCRIBE_OPTIONS


def main() -> None:
    folder, jobs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads, num_workers=jobs)
    print("ready", flush=True)
    for line in sys.stdin:
        with ThreadPoolExecutor(jobs) as pool:
            for segments in pool.map(lambda clip: list(model.transcribe(clip, **TRANSCRIBE_OPTIONS)[0]), line.split()):
                assert segments
        print("done", flush=True)


if __name__ == "__main__":
    main()
