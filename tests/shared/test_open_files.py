"""The limit of open files, on systems that grant less than they name."""

import resource

import pytest

from shared.open_files import raise_open_files_limit

GRANTED_BY_MACOS = 10_240
"""`OPEN_MAX`: macOS refuses more, though its hard limit says that there is none (setrlimit(2))."""


def test_a_system_that_names_no_limit_and_grants_some_is_asked_for_those(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = (256, resource.RLIM_INFINITY)

    def set_limits(_kind: int, wanted: tuple[int, int]) -> None:
        nonlocal limits
        if wanted[0] == resource.RLIM_INFINITY or wanted[0] > GRANTED_BY_MACOS:
            raise ValueError("current limit exceeds maximum limit")
        limits = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits)
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    assert raise_open_files_limit() == GRANTED_BY_MACOS
    assert limits == (GRANTED_BY_MACOS, resource.RLIM_INFINITY)
