"""Ranges of a segment's bytes, each in one object, and how they lie end to end. Pure functions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shared.storage.keys import AudioKey, Kind
from shared.storage.store import StoredObject


@dataclass(frozen=True)
class Extent:
    """A range of a segment's bytes, which one object holds."""

    start: int
    end: int
    key: str
    sha256: str = ""
    """Empty: nobody has read the object yet."""


def longest_run(extents: Iterable[Extent], preferred_keys: Collection[str] = ()) -> list[Extent]:
    """The extents that lie end to end from 0 and reach farthest; of those that reach as far, the preferred ones."""
    best: dict[int, tuple[tuple[int, bool, int], Extent]] = {}
    """By the offset where a run begins: how good it is, and its first extent."""
    for extent in sorted(extents, key=lambda each: each.start, reverse=True):
        reach = best[extent.end][0][0] if extent.end in best else extent.end
        rank = (reach, extent.key in preferred_keys, extent.end)
        if extent.end > extent.start and (extent.start not in best or rank > best[extent.start][0]):
            best[extent.start] = (rank, extent)
    run: list[Extent] = []
    offset = 0
    while offset in best:
        run.append(best[offset][1])
        offset = run[-1].end
    return run


def extents_by_segment(objects: Iterable[StoredObject], kind: Kind) -> dict[int, list[Extent]]:
    """What the keys of these objects say about the segments, in order. Objects that were cut off are left out."""
    segments: dict[int, list[Extent]] = {}
    for each in objects:
        key = AudioKey.parse(each.key)
        if key and key.kind is kind and each.size == key.end - key.start > 0:
            segments.setdefault(key.segment, []).append(Extent(key.start, key.end, each.key))
    return dict(sorted(segments.items()))


def end_to_end(objects: Sequence[StoredObject]) -> list[Extent]:
    """Extents of objects whose keys name no bytes: one behind the other, as they were given."""
    extents: list[Extent] = []
    for each in objects:
        start = extents[-1].end if extents else 0
        extents.append(Extent(start, start + each.size, each.key))
    return extents
