"""The oracle finds nothing where nothing is wrong, and each damage: one that is always content proves nothing."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlmodel import Session, col, select

from shared.clips.models import Clip
from shared.db.engine import open_engine, transaction
from tests.chaos import logs, people
from tests.chaos.client import Client
from tests.chaos.ledger import Known, Ledger
from tests.chaos.people import Remover
from tests.chaos.round import Stage

CLIPS = 3


async def used(stage: Stage) -> None:
    """Let some people do some things, undisturbed."""
    for person in stage.people:
        for _ in range(CLIPS if isinstance(person, people.Uploader | people.Recorder) else 1):
            await person.act()
    await stage.finish()


def change(stage: Stage, what: Callable[[Session], None]) -> None:
    engine = open_engine(stage.system.direct[0])
    with transaction(engine) as session:
        what(session)
    engine.dispose()


async def test_nothing_is_found_where_nothing_is_wrong_and_each_damage_where_something_is() -> None:
    async with Stage("local", 1) as stage:
        assert await stage.probe.seconds_until_well(30) is not None
        await used(stage)
        await stage.oracle.judge()
        assert stage.ledger.findings == []

        whole = [clip for clip in stage.ledger.clips.values() if clip.is_stored and clip.in_bin.possible == {False}]
        torn, lost, renamed, silenced = sorted(whole, key=lambda clip: not clip.segments[0].data.startswith(b"RIFF"))[
            :4
        ]
        objects = Path(stage.system.direct[1].data_dir, "objects")

        def damage(session: Session) -> None:
            session.delete(by_id(session, lost.id))
            by_id(session, renamed.id).name = "nobody called it that"
            by_id(session, silenced.id).text = "nobody said that"
            audio = objects / by_id(session, torn.id).audio_key
            audio.write_bytes(bytes(audio.stat().st_size))

        change(stage, damage)
        with stage.system.services["realtime"].log_path.open("a") as log:
            log.write("Fatal Python error: Aborted\n")
        await stage.oracle.judge(patience_s=1)
        found = {finding.what for finding in stage.ledger.findings}
    assert found == {
        "a clip is lost",
        "a clip is not as its people left it",
        "bytes are lost or in another order",
        "the audio of a clip is not what was sent",
        "the audio of a clip cannot be played",
        "realtime logged what it must not, 1 times",
        *(f"page {place} shows other clips than the database has" for place in range(2)),
    }


def by_id(session: Session, id: str) -> Clip:
    return session.exec(select(Clip).where(col(Clip.id) == uuid.UUID(id))).one()


def test_a_change_without_an_answer_may_have_been_made_until_a_later_one_is_acknowledged() -> None:
    name = Known("old")
    name.trying("lost on its way")
    assert name.possible == {"old", "lost on its way"}
    name.trying("new")
    name.acknowledged("new", version=3)
    assert name.possible == {"new"}
    name.acknowledged("older", version=2)
    assert name.possible == {"new"}
    name.trying("refused")
    name.refused("refused")
    assert name.possible == {"new"}


@pytest.mark.parametrize(
    "line", ["Fatal Python error: Aborted", json.dumps({"event": "failed", "exception": "Traceback"})]
)
def test_a_log_with_a_traceback_or_a_stray_line_is_found(line: str) -> None:
    routine = json.dumps({"event": "request", "level": "info"})
    assert list(logs.faults_in(f"{routine}\n{routine}\n")) == []
    assert len(list(logs.faults_in(f"{routine}\n{line}\n{routine}\n"))) == 1


async def test_nobody_deletes_a_clip_whose_words_the_probe_waits_for() -> None:
    ledger = Ledger()
    clip = ledger.add("a", "probe", [1], [b"sound"], "one")
    clip.is_stored = clip.is_awaited = True
    nobody_to_ask = cast("Client", None)
    await Remover("remover", 1, nobody_to_ask, ledger).act()
