"""The plan: a seed gives the same faults, and a short run has all kinds."""

from itertools import islice

from tests.chaos.plan import Episode, Kind, episodes

TARGETS = {kind: ["one", "two"] for kind in Kind}


def first(count: int, seed: int = 7) -> list[Episode]:
    return list(islice(episodes(seed, TARGETS), count))


def test_a_seed_gives_the_same_plan() -> None:
    assert first(200) == first(200)
    assert first(200) != first(200, seed=8)


def test_each_kind_comes_once_before_any_comes_again() -> None:
    dealt = [fault.kind for episode in first(50) for fault in episode.faults]
    for start in range(0, len(dealt) - len(Kind), len(Kind)):
        assert set(dealt[start : start + len(Kind)]) == set(Kind)


def test_two_faults_at_once_hit_different_things() -> None:
    pairs = [episode for episode in first(300) if len(episode.faults) == 2]
    assert pairs
    assert all(one.target != other.target for one, other in (episode.faults for episode in pairs))


def test_what_nothing_can_be_hit_by_does_not_come() -> None:
    targets = {**TARGETS, Kind.FILL: []}
    kinds = {fault.kind for episode in islice(episodes(1, targets), 50) for fault in episode.faults}
    assert kinds == set(Kind) - {Kind.FILL}
