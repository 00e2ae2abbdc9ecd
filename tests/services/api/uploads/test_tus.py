"""Headers of tus (https://tus.io/protocols/resumable-upload), without a server."""

import base64
import contextlib
import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from services.api.http.errors import Problem
from services.api.uploads import tus
from shared.uploads.models import MAX_SEGMENTS
from tests.tus import metadata

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAX_BYTES = 10_000


def recording_request(**said: object) -> tus.CreationRequest:
    """The parsed headers of a recorder's POST with this metadata."""
    return tus.CreationRequest.from_headers(
        Headers({"Upload-Defer-Length": "1", "Upload-Metadata": metadata(**said)}), MAX_BYTES, NOW
    )


def problem_detail(slug: str, headers: dict[str, str]) -> str:
    """The detail of the problem that a POST with these headers raises."""
    with pytest.raises(Problem) as refused:
        tus.CreationRequest.from_headers(Headers(headers), MAX_BYTES, NOW)
    assert refused.value.slug == slug
    return refused.value.detail


# -- Upload-Metadata -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", {}),
        ("  ", {}),
        ("name Zm9v", {"name": "foo"}),
        ("name Zm9v,is_confidential", {"name": "foo", "is_confidential": ""}),
        ("name Zm9v , b ", {"name": "foo", "b": ""}),
        ("name 5pel5pys6Kqe", {"name": "日本語"}),
    ],
)
def test_metadata_is_keys_and_base64(header: str, told: dict[str, str]) -> None:
    assert tus.parse_metadata(header) == told


@pytest.mark.parametrize(
    "header",
    [
        "name Zm9v,name Zm9v",
        "name foo!",
        "name Zm9",
        "name /w==",  # no UTF-8
        ",",
        "a\tb Zm9v",
        "nämé Zm9v",
        "a " + "A" * tus.MAX_METADATA_CHARS,
    ],
    ids=lambda header: header[:16],
)
def test_other_metadata_is_refused_in_words(header: str) -> None:
    with pytest.raises(Problem) as refused:
        tus.parse_metadata(header)
    assert refused.value.slug == "bad-request"
    assert refused.value.detail.startswith("Upload-Metadata ")


@given(st.text(max_size=tus.MAX_METADATA_CHARS))
def test_any_metadata_is_understood_or_refused(header: str) -> None:
    with contextlib.suppress(Problem):
        assert len(tus.parse_metadata(header)) <= header.count(",") + 1


@given(st.dictionaries(st.text("abcxyz_-", min_size=1, max_size=9), st.text(max_size=40), max_size=9))
def test_what_a_client_encodes_is_read_back(said: dict[str, str]) -> None:
    assert tus.parse_metadata(metadata(**said)) == said


# -- creation ------------------------------------------------------------------------------------------------------


def test_the_metadata_of_a_recording_is_parsed() -> None:
    id = uuid.uuid4()
    creation = recording_request(
        clip_id=id, segment=3, name="Grüße", filetype="audio/webm;codecs=opus", recorded_at="2026-11-22T10Z"
    )
    assert (creation.clip_id, creation.segment, creation.is_recording, creation.length) == (id, 3, True, None)
    assert (creation.name, creation.mime) == ("Grüße", "audio/webm;codecs=opus")
    assert creation.recorded_at == NOW - timedelta(hours=2)


def test_a_file_needs_no_metadata() -> None:
    creation = tus.CreationRequest.from_headers(Headers({"Upload-Length": "10"}), MAX_BYTES, NOW)
    assert (creation.length, creation.segment, creation.is_recording) == (10, 0, False)
    assert (creation.name, creation.mime, creation.recorded_at) == (tus.DEFAULT_NAME, "application/octet-stream", NOW)
    assert (
        tus.CreationRequest.from_headers(Headers({"Upload-Length": "10"}), MAX_BYTES, NOW).clip_id != creation.clip_id
    )


def test_metadata_keys_of_other_clients_are_accepted() -> None:
    creation = recording_request(filename="talk.wav", type="audio/wav")
    assert (creation.name, creation.mime) == ("talk.wav", "audio/wav")
    assert recording_request(name="ours", filename="theirs").name == "ours"


@pytest.mark.parametrize(
    ("claimed", "mime"),
    [
        ("AUDIO/WAV", "audio/wav"),
        ('audio/mp4; codecs="mp4a.40.2"', 'audio/mp4; codecs="mp4a.40.2"'),
        ("video/webm", "video/webm"),
        ("text/html", "application/octet-stream"),
        ("audio/svg\r\nSet-Cookie: a=b", "application/octet-stream"),
        ("audio/" + "x" * 300, "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
    ],
    ids=lambda text: text[:16],
)
def test_only_a_type_that_browsers_play_is_believed(claimed: str, mime: str) -> None:
    assert recording_request(filetype=claimed).mime == mime


def test_a_clock_that_is_ahead_puts_no_clip_into_the_future() -> None:
    assert recording_request(recorded_at="2099-01-01T00:00:00Z").recorded_at == NOW
    assert recording_request(recorded_at="2026-11-22T13:00:00+02:00").recorded_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("headers", "slug", "words"),
    [
        ({}, "bad-request", "Either Upload-Length or"),
        ({"Upload-Length": "1", "Upload-Defer-Length": "1"}, "bad-request", "Either Upload-Length or"),
        ({"Upload-Defer-Length": "0"}, "bad-request", "Either Upload-Length or"),
        ({"Upload-Length": "-1"}, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": "1e3"}, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": "²"}, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": str(tus.MAX_LENGTH + 1)}, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": "9" * 5000}, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": str(MAX_BYTES + 1)}, "too-large", "at most 10,000 bytes"),
        ({"Upload-Length": "0"}, "empty-audio", "empty"),
        ({"Upload-Length": "1", "Upload-Concat": "partial"}, "bad-request", "one piece after the other"),
        ({"Upload-Concat": "final;/api/uploads/a /api/uploads/b"}, "bad-request", "one piece after the other"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_invalid_creation_is_rejected_with_a_reason(headers: dict[str, str], slug: str, words: str) -> None:
    assert words in problem_detail(slug, headers)


@pytest.mark.parametrize(
    ("said", "slug", "words"),
    [
        ({"clip_id": "1"}, "bad-request", "no UUID"),
        ({"segment": -1}, "bad-request", "must be a number below 10,000"),
        ({"segment": MAX_SEGMENTS}, "bad-request", "must be a number below 10,000"),
        ({"recorded_at": "now"}, "bad-request", "no instant"),
        ({"recorded_at": "0001-01-01T00:00:00+14:00"}, "bad-request", "no instant"),
        ({"name": "a\nb"}, "bad-name", "control characters"),
    ],
    ids=str,
)
def test_metadata_that_cannot_be_is_refused_in_words(said: dict[str, object], slug: str, words: str) -> None:
    assert words in problem_detail(slug, {"Upload-Length": "1", "Upload-Metadata": metadata(**said)})


def test_a_recording_may_be_empty_when_it_begins() -> None:
    headers = {"Upload-Length": "0", "Upload-Metadata": metadata(segment=0)}
    assert tus.CreationRequest.from_headers(Headers(headers), MAX_BYTES, NOW).length == 0


# -- the other headers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", tus.CHECKSUM_ALGORITHMS)
def test_a_checksum_is_an_algorithm_and_base64(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"sound").digest()
    header = {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}
    assert tus.Checksum.from_headers(Headers(header)) == tus.Checksum(algorithm, digest)
    assert tus.Checksum.from_headers(Headers({})) is None


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("md5 1B2M2Y8AsgTpgAmY7PhCfg==", "one of sha256, sha1"),
        ("sha256", "not as long"),
        ("sha256 !!!!", "not base64"),
        ("sha256 Zm9v", "not as long"),
        ("sha1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "not as long"),
        ("", "one of"),
    ],
)
def test_another_checksum_is_refused_in_words(header: str, words: str) -> None:
    with pytest.raises(Problem) as refused:
        tus.Checksum.from_headers(Headers({"Upload-Checksum": header}))
    assert refused.value.slug == "bad-request"
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("headers", "words"),
    [({}, "no Tus-Resumable"), ({"Tus-Resumable": "0.2.2"}, "speaks tus 0.2.2, and this server speaks 1.0.0")],
)
def test_another_version_is_rejected_with_ours(headers: dict[str, str], words: str) -> None:
    with pytest.raises(Problem) as refused:
        tus.check_version(Headers(headers))
    assert refused.value.slug == "tus-version"
    assert words in refused.value.detail
    assert refused.value.headers == {"Tus-Version": "1.0.0"}


@pytest.mark.parametrize("claimed", ["application/offset+octet-stream", "Application/Offset+Octet-Stream; a=b"])
def test_the_content_type_may_have_any_spelling(claimed: str) -> None:
    tus.check_body_type(Headers({"Content-Type": claimed}))


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "audio/webm"}])
def test_a_body_of_another_type_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        tus.check_body_type(Headers(headers))
    assert refused.value.slug == "bad-type"
