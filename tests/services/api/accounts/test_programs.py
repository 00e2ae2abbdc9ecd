"""The recipes of the documents for programs, on a server on which people sign in: curl, the seed's clients, tuspy."""

import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient

from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.accounts.conftest import PASSWORD

SOUND = recording()


@dataclass
class Closed:
    """A server that asks everybody, a token that reads, writes and deletes, and a folder with a sound."""

    url: str
    token: str
    folder: Path

    def curl(self, *arguments: str) -> tuple[int, str]:
        """Status and body of curl's last answer."""
        command = ["curl", "--silent", "--show-error", "--write-out", "\\n%{http_code}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd=self.folder)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


@pytest.fixture
def closed(local_parts: Parts, tmp_path: Path) -> Iterator[Closed]:
    (tmp_path / "note.webm").write_bytes(SOUND)
    with Stack({**local_parts, "SIGN_IN": "on"}, ["api"], migrate=False) as stack:
        with httpx.Client(base_url=stack.api_url) as browser:
            code = re.findall(r"/claim#([\w-]{22})", stack.log("api"))[-1]
            claimed = browser.post("/api/claim", json={"code": code, "name": "Ada", "password": PASSWORD})
            assert claimed.status_code == 201, claimed.text
            made = browser.post("/api/tokens", json={"name": "Programs", "scopes": ["write", "delete"]})
            assert made.status_code == 201, made.text
        yield Closed(stack.api_url, made.json()["token"], tmp_path)
        assert made.json()["token"] not in stack.log("api")


def test_programs_come_in_with_a_token_and_with_none_they_do_not(closed: Closed) -> None:
    url, basic, clip = closed.url, f"any:{closed.token}", f"{closed.url}/clips/Shopping%20list"
    upload = ["--upload-file", "note.webm", "-H", "Content-Type: audio/webm"]
    # Nobody.
    assert closed.curl(f"{url}/api/clips")[0] == closed.curl(*upload, clip)[0] == closed.curl(clip)[0] == 401
    # curl with Bearer.
    assert closed.curl("-H", f"Authorization: Bearer {closed.token}", f"{url}/api/clips")[0] == 200
    # The seed's clients with Basic: sent at once, and sent when they are asked for it.
    assert closed.curl("-u", basic, *upload, clip)[0] == 201
    assert closed.curl("-u", basic, "--output", "copy.webm", clip)[0] == 200
    assert (closed.folder / "copy.webm").read_bytes() == SOUND
    assert closed.curl("--anyauth", "-u", basic, "--output", "/dev/null", clip)[0] == 200
    with httpx.Client(auth=("web-dictaphone", closed.token)) as seed:
        assert seed.put(f"{url}/audio/b", content=SOUND, headers={"Content-Type": "audio/webm"}).status_code == 201
        assert seed.get(f"{url}/audio/b").content == SOUND
    assert closed.curl("-u", basic, "-X", "DELETE", clip)[0] == 204
    # tuspy.
    client = TusClient(f"{url}/api/uploads", headers={"Authorization": f"Bearer {closed.token}"})
    client.uploader(file_stream=io.BytesIO(SOUND), metadata={"name": "Talk", "filetype": "audio/webm"}).upload()
    listed = closed.curl("-u", basic, f"{url}/api/clips")[1]
    assert '"Talk"' in listed
    assert '"Shopping list"' not in listed
