"""`python -m tests.bench.meetings`: the list of 50 meetings of an hour, in bytes and milliseconds, as JSON.

In the whole form and in the short one, in each content coding; with the time that the api's CPU takes for one.
"""

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx

from tests.bench.corpus import Corpus, Made
from tests.bench.library import filled
from tests.servers.stack import Stack

MEETINGS = 50
WORDS = 9_000
"""Words of an hour: 150 a minute."""

REQUESTS = 30
CODINGS = ("identity", "gzip", "br")
PATHS = {"whole": "/api/clips", "short": "/api/clips?form=short"}


class Meetings(Corpus):
    """Meetings of an hour, in the languages of the corpus."""

    def __iter__(self) -> Iterator[Made]:
        for made in super().__iter__():
            language = "de" if made.id.int % 3 else "en"
            text = " ".join(self.sentence(language, WORDS))
            yield made._replace(text=text, duration_ms=3_600_000, status="done", is_deleted=False)


def measure(stack: Stack) -> dict[str, Any]:
    """Ask in turns, so that what else the machine does meets all alike."""
    took: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    with httpx.Client(base_url=stack.api_url, timeout=60) as client:
        for _ in range(REQUESTS):
            for form, path in PATHS.items():
                for coding in CODINGS:
                    began = time.perf_counter()
                    with client.stream("GET", path, headers={"Accept-Encoding": coding}) as response:
                        size = sum(map(len, response.iter_raw()))
                    took.setdefault(f"{form}, {coding}", []).append((time.perf_counter() - began) * 1000)
                    sizes[f"{form}, {coding}"] = size
    return {kind: {"bytes": sizes[kind], "p50_ms": round(median(ms), 1)} for kind, ms in took.items()}


def main() -> None:
    figures = {}
    for kind in ("sqlite", "postgres"):
        with filled(kind, Meetings(MEETINGS)) as stack:
            figures[kind] = measure(stack)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
