"""The list of languages equals Whisper's and the page's."""

import re

from faster_whisper.tokenizer import _LANGUAGE_CODES

from shared.languages import CODES_BY_NAME, LANGUAGES
from tests.servers.stack import ROOT


def test_the_languages_are_whisper_s() -> None:
    assert set(LANGUAGES) == set(_LANGUAGE_CODES)
    assert (LANGUAGES["ht"], CODES_BY_NAME["haitian creole"], CODES_BY_NAME["german"]) == ("Haitian Creole", "ht", "de")


def test_the_page_offers_all_languages() -> None:
    listed = re.search(r"const CODES =\n(.*?);", (ROOT / "static/shared/languages.js").read_text(), re.DOTALL)
    assert listed
    assert sorted(re.findall(r"\b[a-z]{2,3}\b", listed[1])) == sorted(LANGUAGES)
