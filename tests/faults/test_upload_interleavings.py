"""Random stories of uploads against a model: the bytes that were confirmed, or a clear refusal, and nothing else."""

import random
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.conftest import Parts, StartStack
from tests.servers.stack import Stack
from tests.tus import BODY, DEFERRED, FETCH, SPOKEN, checksum, metadata

STORIES, MANY_STORIES = 10, 40
"""How many, and how many with `--slow`, on each kind of parts."""

STEPS = 40
"""Length of a story."""

KILLS = 3
"""Of the API, in all stories together: each costs a second."""

sizes = st.sampled_from([1, 200, 5_000, 300_000])
"""Bytes of one request; the largest is more than the server keeps in memory."""


@dataclass
class Clip:
    """What the model knows of a clip."""

    id: uuid.UUID
    is_recording: bool
    uploads: list["Upload"] = field(default_factory=list)
    is_finished: bool = False


@dataclass
class Upload:
    """What the model knows of an upload."""

    clip: Clip
    segment: int
    length: int | None
    url: str = ""
    data: bytes = b""
    """What was confirmed."""
    last: tuple[int, bytes] | None = None
    """The request that was confirmed last, and where it began."""
    torn: tuple[int, bytes] | None = None
    """A request that was cut off: some of it may be there, or come to be there, if nothing else takes its place."""
    is_ended: bool = False

    def find(self, offset: int) -> None:
        """Compare with where the server says that the upload ends."""
        more = offset - len(self.data)
        if more and self.torn:
            start, sent = self.torn
            assert start == len(self.data), "bytes came into the middle"
            assert 0 < more <= len(sent), "the offset went where nobody had sent anything"
            self.confirm(sent[:more])
        assert offset == len(self.data)

    def confirm(self, more: bytes) -> None:
        self.last = (len(self.data), more)
        self.data += more
        self.torn = None
        self.clip.is_finished = False


class Stories(RuleBasedStateMachine):
    """Every request that a client may send, at any moment."""

    uploads = Bundle("uploads")
    api: Stack
    kills = 0

    def __init__(self) -> None:
        super().__init__()
        self._client = httpx.Client(base_url=self.api.api_url, verify=False, timeout=60)
        self._crowd = ThreadPoolExecutor(2)
        self._random = random.Random(5)
        self._uploads: list[Upload] = []

    def teardown(self) -> None:
        for upload in self._uploads:
            self.play(upload)
        self._client.close()
        self._crowd.shutdown()

    # -- beginning -------------------------------------------------------------------------------------------------

    @rule(target=uploads, is_recording=st.booleans(), length=st.sampled_from([None, 1, 10_000, 600_000]))
    def begin(self, is_recording: bool, length: int | None) -> Upload:
        return self._begun(Upload(Clip(uuid.uuid4(), is_recording), 0, length))

    @rule(target=uploads, other=uploads)
    def begin_another_segment(self, other: Upload) -> Upload:
        if not other.clip.is_recording:
            return other
        return self._begun(Upload(other.clip, len(other.clip.uploads), None))

    @rule(upload=uploads)
    def begin_again(self, upload: Upload) -> None:
        answer = self._create(upload)
        if upload.is_ended and upload.clip.is_recording:
            assert answer.status_code == 410
        elif upload.is_ended:
            assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0")
            assert answer.headers["Location"] != upload.url
            upload.url, upload.data, upload.is_ended = answer.headers["Location"], b"", False
            upload.last = upload.torn = None
        else:
            assert (answer.status_code, answer.headers["Location"]) == (201, upload.url)
            upload.find(int(answer.headers["Upload-Offset"]))

    def _begun(self, upload: Upload) -> Upload:
        answer = self._create(upload)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0"), answer.text
        upload.url = answer.headers["Location"]
        upload.clip.uploads.append(upload)
        upload.clip.is_finished = False
        self._uploads.append(upload)
        return upload

    def _create(self, upload: Upload) -> httpx.Response:
        size = DEFERRED if upload.length is None else {**SPOKEN, "Upload-Length": str(upload.length)}
        said = {"clip_id": upload.clip.id} | ({"segment": upload.segment} if upload.clip.is_recording else {})
        return self._client.post("/api/uploads", headers={**size, "Upload-Metadata": metadata(**said)})

    # -- bytes -----------------------------------------------------------------------------------------------------

    @rule(upload=uploads, size=sizes, is_checked=st.booleans())
    def send(self, upload: Upload, size: int, is_checked: bool) -> None:
        data = self._bytes(size)
        self._sent(upload, data, checksum(data) if is_checked else {})

    @rule(upload=uploads, size=sizes)
    def send_the_rest_and_say_so(self, upload: Upload, size: int) -> None:
        if upload.length is None:
            data = self._bytes(size)
            end = len(upload.data) + size
            if self._sent(upload, data, {"Upload-Length": str(end)}):
                upload.length = end
        else:
            self._sent(upload, self._bytes(upload.length - len(upload.data)), {})

    @rule(upload=uploads, more=sizes)
    def say_how_long_it_will_be(self, upload: Upload, more: int) -> None:
        if upload.length is None and self._sent(upload, b"", {"Upload-Length": str(len(upload.data) + more)}):
            upload.length = len(upload.data) + more

    @rule(upload=uploads)
    def send_again(self, upload: Upload) -> None:
        if upload.last is None:
            return
        start, data = upload.last
        answer = self._patch(upload, start, data)
        if upload.is_ended:
            assert answer.status_code == 410
        elif data:
            assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + len(data)))

    @rule(upload=uploads, by=st.sampled_from([-5_000, -1, 1, 5_000]), size=sizes)
    def send_to_another_place(self, upload: Upload, by: int, size: int) -> None:
        start = max(0, len(upload.data) + by)
        if start == len(upload.data) or upload.torn:
            return
        answer = self._patch(upload, start, self._bytes(size))
        too_much = upload.length is not None and start + size > upload.length
        if upload.is_ended:
            assert answer.status_code == 410
        elif start < len(upload.data) and too_much:
            assert answer.status_code == 413
        else:
            assert answer.status_code == 409
            upload.find(int(answer.headers["Upload-Offset"]))

    @rule(upload=uploads, size=sizes)
    def send_what_changes_on_its_way(self, upload: Upload, size: int) -> None:
        if upload.length is not None and len(upload.data) + size > upload.length:
            return
        sent = self._bytes(size)
        # Other bytes for certain: of two random ones, one in 256 is the same.
        answer = self._patch(upload, len(upload.data), sent, checksum(bytes([sent[0] ^ 1]) + sent[1:]))
        allowed = {410} if upload.is_ended else {460} if upload.torn is None else {460, 409, 413}
        assert answer.status_code in allowed

    @rule(upload=uploads, sizes=st.tuples(sizes, sizes), is_same=st.booleans())
    def send_two_at_once(self, upload: Upload, sizes: tuple[int, int], is_same: bool) -> None:
        start = len(upload.data)
        if upload.torn or (upload.length is not None and start + max(sizes) > upload.length):
            return
        first = self._bytes(sizes[0])
        both = (first, first) if is_same else (first, self._bytes(sizes[1]))
        answers = list(self._crowd.map(lambda data: self._patch(upload, start, data), both))
        statuses = [answer.status_code for answer in answers]
        if upload.is_ended:
            assert statuses == [410, 410]
            return
        assert sorted(statuses) == ([204, 204] if is_same else [204, 409])
        won = both[statuses.index(204)]
        upload.confirm(won)
        assert {int(answer.headers["Upload-Offset"]) for answer in answers} == {len(upload.data)}

    @rule(upload=uploads, size=sizes, cut=st.integers(0, 100))
    def send_and_go_away(self, upload: Upload, size: int, cut: int) -> None:
        """Cut the line after some percent of the body; after a hundred, only the answer is lost."""
        data = self._bytes(size)
        if upload.torn or upload.is_ended or (upload.length is not None and len(upload.data) + size > upload.length):
            return
        upload.torn = (len(upload.data), data)
        head = {**BODY, "Host": "127.0.0.1", "Content-Length": str(size), "Upload-Offset": str(len(upload.data))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        address = urlsplit(self.api.api_url)
        with socket.create_connection((address.hostname, address.port)) as line:
            line.sendall(f"PATCH {upload.url} HTTP/1.1\r\n{lines}\r\n".encode() + data[: size * cut // 100])

    def _sent(self, upload: Upload, data: bytes, headers: dict[str, str]) -> bool:
        """Send to where the upload ends, and check the answer; whether it was taken."""
        start = len(upload.data)
        answer = self._patch(upload, start, data, headers)
        if upload.is_ended:
            assert answer.status_code == 410
        elif upload.length is not None and start + len(data) > upload.length:
            assert answer.status_code in ({413} if upload.torn is None else {413, 409})
        elif answer.status_code == 409:
            assert upload.torn, "refused although nothing else was on its way"
            upload.find(int(answer.headers["Upload-Offset"]))
        else:
            assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + len(data))), answer.text
            if data:
                upload.confirm(data)
            elif int(headers.get("Upload-Length", upload.length or -1)) != start:
                upload.clip.is_finished = False  # Nothing came, but something will.
            return True
        return False

    def _patch(self, upload: Upload, start: int, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._client.patch(
            upload.url, content=data, headers={**BODY, "Upload-Offset": str(start), **(headers or {})}
        )

    def _bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    # -- looking ---------------------------------------------------------------------------------------------------

    @rule(upload=uploads)
    def look(self, upload: Upload) -> None:
        answer = self._client.head(upload.url, headers=SPOKEN)
        if upload.is_ended:
            assert answer.status_code == 410
            return
        assert answer.status_code == 200
        upload.find(int(answer.headers["Upload-Offset"]))
        assert answer.headers.get("Upload-Length") == (None if upload.length is None else str(upload.length))

    @rule(upload=uploads)
    def play(self, upload: Upload) -> None:
        if not upload.is_ended:
            self.look(upload)
        clip = upload.clip
        is_clip = clip.is_recording or (len(upload.data) == upload.length and not upload.is_ended)
        found = self._client.get(f"/api/clips/{clip.id}")
        assert found.status_code == (200 if is_clip else 404)
        answer = self._client.get(f"/api/clips/{clip.id}/audio", params={"segment": upload.segment}, headers=FETCH)
        if is_clip and upload.data and not (upload.is_ended and upload.torn):
            assert answer.content == upload.data, f"{len(answer.content)} bytes, and {len(upload.data)} were confirmed"
        if clip.is_recording and not any(each.torn for each in clip.uploads):
            assert found.json()["status"] == ("pending" if clip.is_finished else "recording")

    # -- ending ----------------------------------------------------------------------------------------------------

    @rule(upload=uploads, is_told=st.booleans())
    def finish(self, upload: Upload, is_told: bool) -> None:
        clip = upload.clip
        if not clip.is_recording or any(each.torn for each in clip.uploads):
            return
        body = {"segments": len(clip.uploads), "duration_ms": 1000} if is_told else None
        answer = self._client.post(f"/api/clips/{clip.id}/finish", json=body)
        if is_told and any(each.length != len(each.data) and not each.is_ended for each in clip.uploads):
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200
            clip.is_finished = True

    @rule(upload=uploads, is_meant=st.integers(0, 3))
    def give_up(self, upload: Upload, is_meant: int) -> None:
        if is_meant:  # three times out of four this would only make the story shorter
            return
        answer = self._client.delete(upload.url, headers=SPOKEN)
        if upload.is_ended:
            assert answer.status_code == 410
        elif not upload.clip.is_recording and upload.length == len(upload.data):
            assert answer.status_code == 409
        elif answer.status_code == 409:
            assert upload.torn
            assert not upload.clip.is_recording
        else:
            assert answer.status_code == 204
            upload.is_ended = True

    @rule()
    def kill_the_api(self) -> None:
        # Where it may hurt: something is on its way.
        if Stories.kills < KILLS and any(each.torn for each in self._uploads):
            Stories.kills += 1
            self.api.kill("api")
            self.api.start("api")


def test_any_story_keeps_what_was_confirmed(start_stack: StartStack, parts: Parts, full_length: bool) -> None:
    Stories.api = start_stack(parts, "api", LOG_LEVEL="WARNING")
    Stories.kills = 0
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=MANY_STORIES if full_length else STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # Threads and kills never play the same story twice, so there is nothing to shrink.
            phases=(Phase.generate,),
        ),
    )
