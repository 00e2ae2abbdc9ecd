"""tus 1.0.0 as bytes and headers: each request says what a test wants it to say, and no client library mends it."""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import Any, Self

import httpx

SPOKEN = {"Tus-Resumable": "1.0.0"}
BODY = {**SPOKEN, "Content-Type": "application/offset+octet-stream"}
DEFERRED = {**SPOKEN, "Upload-Defer-Length": "1"}
FETCH = {"Sec-Fetch-Dest": "empty"}
"""Asks as a script does: the audio comes from the API itself, never by a redirect to the bucket."""


def metadata(**said: object) -> str:
    """The `Upload-Metadata` header that says so."""
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in said.items())


def checksum(data: bytes, algorithm: str = "sha256") -> dict[str, str]:
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"}


@dataclass
class Upload:
    """One upload that a client has begun."""

    client: httpx.AsyncClient
    url: str
    clip_id: str

    @classmethod
    async def begun(
        cls, client: httpx.AsyncClient, length: int | None = None, *, is_file: bool = False, **said: Any
    ) -> Self:
        """A segment of a recording, whose length is not known yet; or a file, if `length` is given or it is one."""
        said = {"clip_id": uuid.uuid4(), "filetype": "audio/webm", "name": "Minutes"} | said
        if length is None and not is_file:
            said = {"segment": 0} | said
        size = DEFERRED if length is None else {**SPOKEN, "Upload-Length": str(length)}
        answer = await client.post("/api/uploads", headers={**size, "Upload-Metadata": metadata(**said)})
        assert answer.status_code == 201, answer.text
        return cls(client, answer.headers["Location"], str(said["clip_id"]))

    async def patch(self, start: int, data: bytes = b"", **headers: str) -> httpx.Response:
        """Send bytes for a place; `Recorded_Ms="100"` is a header."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**BODY, "Upload-Offset": str(start), **more}
        return await self.client.patch(self.url, content=data, headers=sent)

    async def sent(self, start: int, data: bytes = b"", **headers: str) -> int:
        """`patch`, which must be taken; return how far the upload is."""
        answer = await self.patch(start, data, **headers)
        assert answer.status_code == 204, answer.text
        return int(answer.headers["Upload-Offset"])

    async def head(self) -> httpx.Response:
        return await self.client.head(self.url, headers=SPOKEN)

    async def offset(self) -> int:
        return int((await self.head()).headers["Upload-Offset"])

    async def delete(self) -> httpx.Response:
        return await self.client.delete(self.url, headers=SPOKEN)

    async def finish(self, segments: int = 1, **said: Any) -> httpx.Response:
        """Say that the recording is over."""
        body = {"segments": segments, "duration_ms": 1000, "gaps": []} | said
        return await self.client.post(f"/api/clips/{self.clip_id}/finish", json=body)

    async def clip(self) -> dict[str, Any]:
        answer = await self.client.get(f"/api/clips/{self.clip_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def heard(self, segment: int = 0, **headers: str) -> bytes:
        """What the server plays of it now."""
        answer = await self.client.get(
            f"/api/clips/{self.clip_id}/audio", params={"segment": segment}, headers={**FETCH, **headers}
        )
        assert answer.is_success, answer.text
        return answer.content
