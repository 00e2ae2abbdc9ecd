"""What a cut, a split, a join, an edit and a restored revision write in their transaction, and what they do before it.

Words that an older release wrote are compared before a row is locked: an hour of them takes more than a second.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from services.api.clips import cut_routes, join, routes, split
from services.api.clips.schemas import ClipPatch
from services.api.clips.service import MAX_TRIES
from services.api.clips.sound_copies import SoundCopies
from services.api.http.errors import Problem
from services.api.revisions import routes as revisions
from shared.clips import renditions, words
from shared.clips.cut_words import splice
from shared.clips.models import Clip, Status
from shared.libraries import HOME

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
SOUND_MS = 10_000


class OneClip:
    """A state whose sessions find one clip, and no other row. It tells whether a transaction is open."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.is_writing, self.spliced = clip, False, 0
        self.jobs: list[str] = []
        self.session: Any = SimpleNamespace(
            exec=lambda _: SimpleNamespace(first=lambda: None),
            get=lambda *_: None,
            add=lambda _: None,
            add_all=lambda _: None,
            flush=lambda: None,
            connection=lambda: SimpleNamespace(execute=lambda _: []),
        )
        self.store = SimpleNamespace(delete_all=lambda _: None)

    @contextmanager
    def read_session(self) -> Iterator[Any]:
        yield self.session

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.is_writing = True
        yield SimpleNamespace(session=self.session, now=NOW, save=lambda _, *jobs: self.jobs.extend(jobs))
        self.is_writing = False

    def splice(self, *texts: Any) -> Any:
        assert not self.is_writing, "all other writers wait for this comparison"
        self.spliced += 1
        return splice(*texts)


def rewritten(cuts: list[tuple[int, int]]) -> Clip:
    """A clip that is cut, whose text was written by a person in a release that knows no cuts."""
    id = uuid.uuid4()
    clip = Clip.new_upload(
        id, name="Talk", mime="audio/webm", bytes=3, sha256="ab" * 32, audio_key=f"home/{id}", now=NOW, library_id=HOME
    )
    clip.prepared_at, clip.status, clip.duration_ms, clip.text = NOW, Status.DONE, SOUND_MS, "One two three four."
    clip.set_cuts(cuts, clip.text, [(3, 7)], NOW)
    assert clip.text == "One three four."
    clip.text, clip.edited_at = "ONE three FOUR.", NOW + timedelta(minutes=1)
    return clip


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> OneClip:
    state = OneClip(rewritten([(1_000, 2_000)]))
    monkeypatch.setattr(words, "splice", state.splice)
    for module in (routes, revisions):
        monkeypatch.setattr(module, "state_of", lambda _: state)
    for module in (cut_routes, split, routes, revisions):
        monkeypatch.setattr(module, "get_clip", lambda *_, **__: state.clip)
    monkeypatch.setattr(renditions, "renew_cut", lambda *_: set())
    return state


def test_to_cut_a_clip_compares_no_words_while_its_row_is_locked(state: OneClip) -> None:
    request: Any = None
    clip = cut_routes._try_to_cut(request, state, [(3_000, 4_000)])  # type: ignore[arg-type]
    assert clip is not None
    assert clip.text == "ONE two three FOUR."
    assert state.spliced


def test_each_change_of_cuts_wants_one_job_and_none_without_cuts(state: OneClip) -> None:
    request: Any = None
    wanted = []
    for cuts in ([(0, 3_000)], [(0, 3_000)], [(0, 4_000)], []):
        cut_routes._try_to_cut(request, state, cuts)  # type: ignore[arg-type]
        wanted.append(state.jobs.copy())
        state.jobs.clear()
    assert wanted == [["render"], [], ["render"], []]


def test_to_split_a_clip_compares_no_words_while_its_row_is_locked(state: OneClip) -> None:
    request: Any = None
    body = split.Split(id=uuid.uuid4(), at_ms=4_000)
    copies = SoundCopies(state.store)
    parts = split._try_to_split(request, state, body, None, state.clip.audio_key, "home/new", copies)  # type: ignore[arg-type]
    assert parts is not None
    assert [part.words for part in parts] == ["ONE two three FOUR."] * 2
    assert state.jobs == ["render", "render"], "each part has sound of its own to be made"
    assert state.spliced


def test_to_join_clips_compares_no_words_while_the_new_one_is_written(state: OneClip) -> None:
    parts = [join.Part.of(clip, None, at * SOUND_MS) for at, clip in enumerate((state.clip, rewritten([(0, 500)])))]
    assert state.spliced == 2
    with state.transaction():
        clip = join._joined_clip(parts, uuid.uuid4(), None, NOW)
        (revision,) = join._revisions(parts, clip, NOW)
    assert clip.text == "ONE three FOUR.\n\nONE three FOUR."
    assert revision.text == clip.words == "ONE two three FOUR.\n\nONE two three FOUR."


def test_to_edit_words_compares_none_while_the_row_is_locked(state: OneClip) -> None:
    request: Any = SimpleNamespace(headers={})
    routes._patch(request, ClipPatch(text="ONE three FOUR five."))
    assert state.clip.text == "ONE three FOUR five."
    assert state.clip.words == "ONE two three FOUR five."
    assert state.spliced


def test_to_restore_a_revision_compares_no_words_while_the_row_is_locked(
    state: OneClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "_find", lambda *_: SimpleNamespace(text="One two three four.", language="en"))
    request: Any = None
    revisions.restore_revision(request)
    assert state.clip.words == "One two three four."
    assert state.spliced


def test_an_edit_of_a_cut_clip_that_changes_meanwhile_is_tried_again_and_then_refused(
    state: OneClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without cuts nothing is compared, and no edit is refused."""
    request: Any = SimpleNamespace(headers={})
    changes = MAX_TRIES - 1

    def get_clip(*_: Any, for_update: bool = False) -> Clip:
        nonlocal changes
        if for_update and changes:
            changes -= 1
            state.clip.version += 1
        return state.clip if for_update else Clip(**state.clip.model_dump())

    monkeypatch.setattr(routes, "get_clip", get_clip)
    assert routes._patch(request, ClipPatch(text="ONE.")).status_code == 200
    changes = MAX_TRIES
    with pytest.raises(Problem) as problem:
        routes._patch(request, ClipPatch(text="TWO."))
    assert problem.value.slug == "stale"
    assert state.clip.text == "ONE."
    state.clip.set_cuts([], "One two.", [], NOW)
    changes = MAX_TRIES
    assert routes._patch(request, ClipPatch(text="TWO.")).status_code == 200
