"""How revision 0004 folds words and orders names: `shared.search.folding` as it was then, so that it stays as it was.

What has changed since is corrected later by `services.api.background.index_repair`.
"""

import re
import unicodedata
import uuid
from datetime import UTC, datetime, timedelta

MAX_WORD_CHARS = 64
MAX_INDEXED_BYTES = 340_000
NUMBERS_PER_MS = 2**15
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
    "\u2600-\u27bf\U0001f000-\U0001faff"
)
RUN = re.compile(f"[{UNSPACED}]+|[^ {UNSPACED}]+")
VOICING_MARKS = {"\u3099", "\u309a"}
LETTER_VARIANTS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ð": "d", "œ": "oe", "æ": "ae", "ς": "σ"}
)


class FoldTable(dict[int, str]):
    def __missing__(self, code_point: int) -> str:
        letters = _strip_accents(_strip_accents(chr(code_point)).casefold()).translate(LETTER_VARIANTS)
        folded = self[code_point] = "".join(map(_letter_or_space, letters))
        return folded


FOLD_TABLE = FoldTable()


def index_text(text: str) -> str:
    words: list[str] = []
    for run in RUN.findall(_fold(text[:MAX_INDEXED_BYTES])):
        words += [run[at : at + 2] for at in range(len(run))] if _is_unspaced(run) else [run[:MAX_WORD_CHARS]]
    encoded = f" {' '.join(words)} ".encode()
    if len(encoded) > MAX_INDEXED_BYTES:
        return encoded[:MAX_INDEXED_BYTES].decode(errors="ignore").rpartition(" ")[0] + " "
    return encoded.decode()


def sort_key(name: str) -> str:
    words = " ".join(RUN.findall(_fold(name)))
    return re.sub("[0-9]+", lambda number: number[0].lstrip("0").rjust(9, "0"), words)[:MAX_WORD_CHARS]


def first_number(id: uuid.UUID, created_at: datetime) -> int:
    """The number of a clip's entry, unless another clip of the same millisecond has it."""
    return (created_at - EPOCH) // timedelta(milliseconds=1) * NUMBERS_PER_MS + id.int % NUMBERS_PER_MS


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(FOLD_TABLE)


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char) or char in VOICING_MARKS)
    return unicodedata.normalize("NFC", letters)


def _letter_or_space(char: str) -> str:
    category = unicodedata.category(char)
    if unicodedata.combining(char) or category == "Cf" or unicodedata.name(char, "").startswith("VARIATION"):
        return ""
    is_pictograph = category == "So" and _is_unspaced(char)
    return char if category[0] in "LMN" or is_pictograph else " "


def _is_unspaced(run: str) -> bool:
    return re.match(f"[{UNSPACED}]", run) is not None
