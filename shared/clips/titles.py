"""A title for a clip: its first sentence that says something. Pure functions, for every script.

No dictionary is used. In scripts that write no spaces, words are counted by their usual length.

`static/shared/titles.js` has the same rules for the page. `tests/data/titles.json` holds both to them.
"""

import re
import unicodedata
from collections.abc import Iterator

from shared.search.folding import JOINT, RUN, fold, is_unspaced

MAX_TITLE_CHARS = 60
"""Characters of a title: a line of a list on a phone."""

MIN_CONTENT_WORDS = 4
"""Words of a sentence that says something: `Hello everybody.` is no title."""

MAX_READ_CHARS = 4_000
"""Characters that are looked at: five minutes of speech. Who has said nothing until then gets no title."""

_MIN_CUT_CHARS = MAX_TITLE_CHARS // 2
"""A long sentence is cut at a space behind this, or else anywhere: a title of one short word says nothing."""

# The lookbehind keeps a run of stops that ends nothing from being tried at each of them.
_SENTENCE_END = re.compile(r"(?<![.!?…؟۔।॥])[.!?…؟۔।॥]+[\"'”’»)\]]*(?=\s|\Z)|[。！？｡]+[」』”）]*|\n")

_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|nr|no|bzw|ca|vs|sr|sra|mme|hr|fr|etc)|(?:^|[\s.(])\w)\Z", re.IGNORECASE
)
"""Before a full stop: a word that goes on with the next one, as in `Dr. Who` and `z.B. morgen`."""

_MAX_ABBREVIATION_CHARS = 5
"""With the character before it. More is not looked at: a recognizer may say `No.` a thousand times."""

_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""The explicit directions of Unicode UAX 9. Marks within Hebrew or Arabic (U+200E, U+200F) stay."""

_WORD = re.compile(r"[^\s.,;:!?…،؟。、，！？]+")


def _folded(words: str) -> frozenset[str]:
    return frozenset(fold(word) for word in words.split())


# Sounds and words that are said before anything is. No list is whole: what it lacks stands in the title.
_FILLERS = _folded(
    "ah ahm alright eh ehm em er erm euh hello hey hi hm hmm hmmm mhm mm oh ok okay uh uhm um umm yeah yep "
    "äh ähm öh öhm hallo hä ach naja tja bonjour salut ben bah hola ehi ciao allô olá oi então "
    "えー えっと あの ええと 嗯 呃 那个 э эм ну 음 어 उम يعني"
)
_FILLERS_BESIDE_OTHERS = _folded(
    "so well right yes now like and also ja nun genau gut und jetzt alors bon donc voilà et bueno pues y allora ecco e "
    "вот так итак えーと 就是 그"
)
"""Words that fill only where a comma, or another such word, stands beside them: `So, now`, but not `So far so good`."""

_COMMAS = {",", "…", "،", "，", "、"}

CHARS_PER_WORD, CHARS_PER_WORD_WITH_VOWELS = 2, 4
"""Characters of a usual word: two in Chinese and Japanese, four in Thai, Lao, Burmese and Khmer, where vowels count."""

_HAS_VOWELS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def suggest_title(text: str) -> str | None:
    """The first sentence with four words of content, `MAX_TITLE_CHARS` at most, cut at a word. None: there is none."""
    for sentence in _sentences(_clean(text[:MAX_READ_CHARS])):
        title = _without_fillers(sentence)
        if _count_content(title) >= MIN_CONTENT_WORDS:
            return _capitalized(_shortened(title))
    return None


def _clean(text: str) -> str:
    """The text in NFC without what a name cannot hold, or what turns the text behind it around. Lines stay."""
    visible = (" " if char in "\t\r\v\f" else char for char in _DIRECTIONS.sub("", text))
    kept = "".join(char for char in visible if char == "\n" or unicodedata.category(char) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", kept)


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if end[0] == "." and _is_abbreviated(text, start, end.start()):
            continue
        yield _trimmed(text[start : end.start()], end[0])
        start = end.end()
    yield _trimmed(text[start:], "")


def _is_abbreviated(text: str, start: int, end: int) -> bool:
    return _ABBREVIATION.search(text, max(start, end - _MAX_ABBREVIATION_CHARS), end) is not None


def _trimmed(sentence: str, end: str) -> str:
    """A sentence on one line; of what ends it, only a question or exclamation mark stays."""
    mark = end[0] if end[:1] in {"?", "!", "؟", "？", "！"} else ""
    words = " ".join(sentence.split()).strip("\"'“”„«»「」()[]-–— ")
    return words.rstrip(",;:、，；：،") + mark if words else ""


def _without_fillers(sentence: str) -> str:
    """The sentence from its first word on that is no filler."""
    start, has_filler = 0, False
    for word in _WORD.finditer(sentence):
        key, has_comma = fold(word[0]).strip(), sentence[word.end() : word.end() + 1] in _COMMAS
        if key not in _FILLERS and not (key in _FILLERS_BESIDE_OTHERS and (has_filler or has_comma)):
            return sentence[word.start() :] if has_filler else sentence
        start, has_filler = word.end(), True
    return sentence[start:].strip(" ,.…!?")


def _count_content(sentence: str) -> float:
    """How many words of a sentence are no fillers."""
    count = 0.0
    for run in RUN.findall(fold(sentence).replace(JOINT, "")):
        if is_unspaced(run):
            count += len(run) / (CHARS_PER_WORD_WITH_VOWELS if _HAS_VOWELS.match(run) else CHARS_PER_WORD)
        elif run not in _FILLERS:
            count += 1
    return count


def _shortened(title: str) -> str:
    if len(title) <= MAX_TITLE_CHARS:
        return title
    head = title[: MAX_TITLE_CHARS - 1]
    end = len(head)
    if not title[end].isspace():
        end = max((each.start() for each in re.finditer(r"\s|(?<=[、，。])", head)), default=0)
    if end < _MIN_CUT_CHARS:
        end = len(head)
        while end > _MIN_CUT_CHARS and unicodedata.category(title[end])[0] == "M":
            end -= 1  # an accent, or a vowel sign, belongs to the letter before it
    return head[:end].rstrip(" ,;:、，；：،-–—") + "…"


def _capitalized(title: str) -> str:
    return title[0].upper() + title[1:] if len(title[0].upper()) == 1 else title
