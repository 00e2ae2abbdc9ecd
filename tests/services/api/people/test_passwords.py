"""Passwords: which ones are taken, and that a check tells nothing by its time."""

import asyncio
import time
from statistics import median

import pytest

from services.api.http.errors import Problem
from services.api.people.passwords import Passwords

GOOD = "heron lantern quarry mosaic"


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "x" * 11, "a" * 1025, "aaaaaaaaaaaa", "123456789012", "qwertyuiopas", "passwordpassword",
        "adalovelace1",
    ],
)  # fmt: skip
async def test_a_password_that_is_short_or_guessed_is_refused(password: str) -> None:
    with pytest.raises(Problem) as refused:
        await Passwords().hash(password, ["Ada Lovelace"])
    assert refused.value.slug == "bad-password"


async def test_a_password_is_kept_as_a_hash_with_its_cost() -> None:
    passwords = Passwords()
    kept = await passwords.hash(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(kept, GOOD)
    assert not await passwords.verify(kept, GOOD + "x")
    assert not await passwords.verify(None, GOOD)
    assert not await passwords.verify("no hash", GOOD)
    assert not passwords.is_old(kept)


async def test_one_letter_is_one_letter_however_a_keyboard_writes_it() -> None:
    passwords = Passwords()
    assert await passwords.verify(await passwords.hash("Zoe\u0308 trifft Wölfe"), "Zo\u00eb trifft Wo\u0308lfe")


async def test_nobody_takes_as_long_as_somebody() -> None:
    passwords = Passwords()
    kept = await passwords.hash(GOOD)

    async def cost(password_hash: str | None) -> float:
        began = time.process_time()  # a busy machine takes longer, and computes no more
        await passwords.verify(password_hash, "wrong wrong wrong")
        return time.process_time() - began

    some = median([await cost(kept) for _ in range(7)])
    none = median([await cost(None) for _ in range(7)])
    assert 0.5 < none / some < 2


async def test_who_comes_while_too_many_wait_is_sent_away() -> None:
    passwords = Passwords()
    kept = await passwords.hash(GOOD)
    answers = await asyncio.gather(*(passwords.verify(kept, GOOD) for _ in range(60)), return_exceptions=True)
    away = [each for each in answers if isinstance(each, Problem)]
    assert {each.slug for each in away} == {"busy"}
    assert len(away) < 20
    assert all(each is True for each in answers if each not in away)
