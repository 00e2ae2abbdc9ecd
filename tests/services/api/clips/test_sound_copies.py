"""Copies of sound are taken away only when it is certain that no row names them."""

import io
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from services.api.clips.sound_copies import copying
from services.api.http.errors import Problem
from shared.storage.files import FileStore
from shared.storage.store import StoreUnavailable

REFUSED = [Problem("stale", "It changed."), IntegrityError("INSERT", {}, ValueError()), StoreUnavailable("away")]
UNCERTAIN = [OperationalError("COMMIT", {}, ValueError("server closed the connection")), RuntimeError(), SystemExit()]


def keys_after(folder: Path, error: BaseException) -> list[str]:
    store = FileStore(folder)
    store.put("home/one/sound", io.BytesIO(b"sound"), 5, "audio/webm")

    def copy_and_fail() -> None:
        with copying(store) as copies:
            copies.copy_object("home/one/sound", "home/two/sound", 5, "audio/webm")
            raise error

    with pytest.raises(type(error)):
        copy_and_fail()
    return sorted(stored.key for stored in store.list_objects())


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: type(error).__name__)
def test_what_was_refused_leaves_no_copy(tmp_path: Path, error: Exception) -> None:
    assert keys_after(tmp_path, error) == ["home/one/sound"]


@pytest.mark.parametrize("error", UNCERTAIN, ids=lambda error: type(error).__name__)
def test_copies_stay_when_their_rows_may_be_committed(tmp_path: Path, error: BaseException) -> None:
    """A connection that breaks during COMMIT does not tell whether the clip is there now: its sound must be."""
    assert keys_after(tmp_path, error) == ["home/one/sound", "home/two/sound"]
