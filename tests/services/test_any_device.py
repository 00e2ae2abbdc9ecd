"""From a file that few devices play to sound that all of them play: api and transcriber together."""

import io
import time
import uuid

import httpx
import numpy as np
import pytest

from services.transcriber.audio.decode import decode_file
from shared.libraries import HOME
from shared.settings import DatabaseSettings, StoreSettings
from shared.storage.factory import open_store
from tests import speech
from tests.conftest import Parts, StartStack
from tests.servers.server import free_port
from tests.services.transcriber.files import SAID

SPEECH = speech.samples(SAID[:1])
TIMEOUT_S = 60

# A player follows a redirect to the bucket, and a script may not.
FETCH = {"Sec-Fetch-Dest": "empty"}


class Settings(DatabaseSettings, StoreSettings):
    """Where the objects lie."""


@pytest.mark.parametrize("parts", ["local", pytest.param("servers", marks=pytest.mark.slow)], indirect=True)
def test_an_aiff_is_played_as_m4a_and_its_bytes_stay(parts: Parts, start_stack: StartStack) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1/audio/transcriptions"
    stack = start_stack(parts, "api", "transcriber", WHISPER_URL=nobody, RETRY_SECONDS="1000")
    store = open_store(Settings.model_validate({name.lower(): value for name, value in parts.items()}))
    id, content = uuid.uuid4(), speech.encode(SPEECH, "aiff", "pcm_s16be")
    url = f"/api/clips/{id}/audio"
    with httpx.Client(base_url=stack.api_url, headers=FETCH) as client:
        client.put(f"/api/clips/{id}?name=Talk.aiff", content=content).raise_for_status()
        made = play(client, f"{url}?as=m4a")
        [key] = [each.key for each in store.list_objects(f"{HOME}/{id}") if "rendition" in each.key]
        store.delete(key)
        assert client.head(f"{url}?as=m4a").status_code == 202
        assert play(client, f"{url}?as=m4a") == made
        assert client.get(f"{url}?download").content == content
    sound, original = (np.concatenate(list(decode_file(io.BytesIO(each)))) for each in (made, content))
    assert 0 <= len(sound) - len(original) < 1_024
    assert np.corrcoef(sound[: len(original)], original)[0, 1] > 0.99


def play(client: httpx.Client, url: str) -> bytes:
    """Ask as the page asks, until the sound is made."""
    deadline = time.monotonic() + TIMEOUT_S
    while (answer := client.get(url)).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(min(0.2, int(answer.headers["Retry-After"])))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/mp4;codecs=mp4a.40.2")
    return answer.content
