"""Passwords: which ones are taken, how they are kept, and how one is checked without telling who exists."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.api.http.errors import RETRY_AFTER, Problem

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 1024
"""Far more than anybody types; a client that sends more wants to keep the server busy."""

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
"""OWASP's setting for Argon2id: 72 ms of a core. The package's own (64 MiB, 3, 4) takes five times as long."""

MAX_HASHES = 2
"""Computed at once: 38 MiB and two cores. The others wait."""

MAX_WAITING = 40
"""Who waits for a place, some two seconds in all; whoever comes then is sent away."""

GUESSED_CHARS = 72
"""Characters of a password that are judged: what makes it easy to guess stands in them."""

MIN_GUESSES = 10**8
"""Guesses that a password must withstand, as zxcvbn counts them: 50 in five minutes are 20 years of guessing."""

Result = TypeVar("Result")


def normal(password: str) -> str:
    """A password as it is hashed: keyboards write one letter as one or as two characters."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes and checks passwords, in threads, few at a time."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(MAX_HASHES)
        self._asked = 0
        """How many are computed, or wait for that."""
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._nobodys_hash = self._hasher.hash("the password of nobody")

    async def hash(self, password: str, known: Sequence[str] = ()) -> str:
        """What is kept of a new password. `known`: words that others know of this person. Raises `Problem`."""
        if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
            raise Problem("bad-password", f"A password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS:,} characters.")

        def compute() -> str:
            _refuse_guessable(normal(password), known)
            return self._hasher.hash(normal(password))

        return await self._compute(compute)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password. With None, there is none: it takes as long, and is never right."""
        return await self._compute(lambda: self._verify(password_hash, password))

    def is_old(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    async def hash_again(self, password: str) -> str:
        """The hash of a password that was right, with today's parameters."""
        return await self._compute(lambda: self._hasher.hash(normal(password)))

    def _verify(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, normal(password[:MAX_PASSWORD_CHARS]))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None and len(password) <= MAX_PASSWORD_CHARS

    async def _compute(self, function: Callable[[], Result]) -> Result:
        if self._asked >= MAX_HASHES + MAX_WAITING:
            raise Problem("busy", "Too many people sign in at this moment. Try again soon.", RETRY_AFTER)
        self._asked += 1
        try:
            return await to_thread.run_sync(function, limiter=self._limiter)
        finally:
            self._asked -= 1


def _refuse_guessable(password: str, known: Sequence[str]) -> None:
    from zxcvbn import zxcvbn  # its lists of words take a fifth of a second, and few people choose a password

    words = ["dictaphone"]
    for text in known:
        words += [text, "".join(text.split()), *text.split()]
    if int(zxcvbn(password[:GUESSED_CHARS], user_inputs=words)["guesses"]) < MIN_GUESSES:
        raise Problem("bad-password", "This password is guessed soon. Four words that have nothing in common are good.")
