"""The table of all cases, in Markdown."""

from collections.abc import Iterable, Sequence

from tests.cases.case import Case
from tests.cases.places import Places
from tests.cases.players import Playback
from tests.cases.trial import MADE, ON_DEMAND, Trial

HEAD = (
    "case", "stored as", "remarks", "word errors", "transcript's clock (ms)", "played", "player's clock (ms)",
    "rendition",
)  # fmt: skip


def head(browsers: Iterable[str]) -> str:
    columns = [*HEAD, *browsers]
    return _row(columns) + "\n" + _row(["---"] * len(columns))


def row(trial: Trial, browsers: Sequence[str]) -> str:
    """A case's line; `**` marks what is not right."""
    case, clip = trial.case, trial.clip
    if clip is None:
        is_right = not case.mime and case.sentence in (trial.refusal or "")
        return _row(
            [case.name, _marked(f"refused: {trial.refusal}", is_right), *[""] * (len(HEAD) - 2 + len(browsers))]
        )
    if clip["status"] != "done":
        is_right = bool(case.mime and case.sentence and case.sentence in (clip["error"] or ""))
        told = f"{clip['mime']}, {clip['status']}: {clip['error']}"
        return _row([case.name, _marked(told, is_right), *[""] * (len(HEAD) - 2 + len(browsers))])
    kinds = [remark["kind"] for remark in clip["remarks"]]
    expected = [kind for kind in kinds if kind != "not-understood"] == list(case.remarks)
    cells = [
        case.name,
        _marked(clip["mime"], clip["mime"].partition(";")[0] == case.mime and case.is_heard),
        _marked(", ".join(kinds) or "–", expected),
        _errors(trial),
        _clock(trial.clock, case),
        trial.played_as,
        _clock(trial.played, case),
        _marked(trial.rendition, trial.rendition in {"", MADE, ON_DEMAND}),
        *(_playback(trial.playbacks.get(name)) for name in browsers),
    ]
    return _row(cells)


def _errors(trial: Trial) -> str:
    if trial.word_errors is None:
        return "–"
    # The small model mishears a word in ten of a telephone's sound; a lost half is another thing.
    return _marked(f"{trial.word_errors:.0%}", trial.word_errors <= 0.2)


def _clock(places: Places, case: Case) -> str:
    if not case.copies:
        return "–"
    told = " / ".join(
        "not found" if place is None else f"{place * 1000:.0f}" for place in (places.first_s, places.last_s)
    )
    return _marked(told, all(place is not None and abs(place) <= 0.1 for place in (places.first_s, places.last_s)))


def _playback(played: tuple[str, Playback | str] | None) -> str:
    if played is None:
        return "–"
    source, playback = played
    if isinstance(playback, str):
        return f"**{source}: {playback}**"
    error = "no sound" if playback.error_s is None else f"{playback.error_s * 1000:+.0f} ms"
    return _marked(f"{source}, {error}{'' if playback.has_ended else ', does not end'}", playback.is_right)


def _marked(text: str, is_right: bool) -> str:
    return text if is_right else f"**{text or 'nothing'}**"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
