"""Static files: small on the wire, and the same programs and styles as in the folder."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest

from services.api.frontend.version import STATIC
from services.api.http.static_files import minify_css, strip_comments
from tests.conftest import Launch, Parts
from tests.node import has_node, node_client
from tests.servers.stack import Stack

IMPORTED = re.compile(r'^(?:import|export)[^;]*?from "(\.[^"]+)"', re.MULTILINE | re.DOTALL)

local_only = pytest.mark.parametrize("module_parts", ["local"], indirect=True, scope="module")

MAX_BYTES = 76_000
"""Compressed bytes of all scripts and styles that the page loads before it can be used."""


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    with Stack(module_parts, ["api"], migrate=False) as api:
        yield api


def files_with_suffix(*endings: str) -> list[Path]:
    return sorted(path for path in STATIC.rglob("*") if path.suffix in endings)


def fetch(api: Stack, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The response, and its body before it is decompressed."""
    with httpx.stream("GET", f"{api.api_url}{path}", headers=headers) as response:
        return response, b"".join(response.iter_raw())


@local_only
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("BR", "br"),
        ("identity", None),
        ("br;q=0", None),
        ("br;q=0, gzip", "gzip"),
        ("br; Q=0.000 ,gzip;q=0.1", "gzip"),
        ("br;q=0.1, gzip;q=1.0", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("*", "br"),
        ("*;q=0", None),
        ("*, br;q=0", "gzip"),
        ("br;q=nonsense, gzip", "gzip"),
        ("identity;q=1, br;q=0.2", None),
    ],
)
def test_a_script_comes_in_the_best_coding_that_is_taken(api: Stack, accepted: str, coding: str | None) -> None:
    response, body = fetch(api, "/static/shared/api.js", **{"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"].startswith("text/javascript")
    written = (STATIC / "shared/api.js").read_text()
    opened = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding](body)
    assert opened.decode() == (strip_comments(written) if coding else written)


@local_only
def test_each_coding_has_a_tag_of_its_own(api: Stack) -> None:
    tags = set()
    for coding in ("br", "gzip", "identity"):
        response, _ = fetch(api, "/", **{"Accept-Encoding": coding})
        tag = response.headers["etag"]
        tags.add(tag)
        again, body = fetch(api, "/static/main.js", **{"Accept-Encoding": coding, "If-None-Match": tag})
        assert (again.status_code, bool(body)) == (200, True), "the tag of another file"
    assert len(tags) == 3
    for path in ("/", "/static/shared/page.css"):
        response, _ = fetch(api, path, **{"Accept-Encoding": "br"})
        tag = response.headers["etag"]
        for said in (tag, f"W/{tag}"):
            again, body = fetch(api, path, **{"Accept-Encoding": "br", "If-None-Match": said})
            assert (again.status_code, body, again.headers["etag"]) == (304, b"", tag)


@local_only
def test_a_picture_comes_as_it_is(api: Stack) -> None:
    response, body = fetch(api, "/static/app-icons/icon-192.png", **{"Accept-Encoding": "br"})
    assert "content-encoding" not in response.headers
    assert body == (STATIC / "app-icons/icon-192.png").read_bytes()


@local_only
def test_scripts_and_styles_of_the_start_are_small(api: Stack) -> None:
    """Scripts and styles for an opened clip and for searches are loaded later."""
    named = re.findall(r'(?:modulepreload|stylesheet)" href="([^"]+)"', (STATIC / "index.html").read_text())
    paths = [*named, "/static/main.js"]
    sizes = {path: len(fetch(api, path, **{"Accept-Encoding": "br"})[1]) for path in paths}
    assert sum(sizes.values()) <= MAX_BYTES, sizes


def test_the_page_preloads_every_script_of_its_start() -> None:
    """The scripts arrive in one round of requests, and no others with them."""
    page = (STATIC / "index.html").read_text()
    named = {STATIC / path for path in re.findall(r'modulepreload" href="/static/([^"]+)"', page)}
    found: set[Path] = set()
    waiting = [STATIC / "main.js"]
    while waiting:
        script = waiting.pop()
        found.add(script)
        paths = IMPORTED.findall(strip_comments(script.read_text()))
        waiting += {(script.parent / path).resolve() for path in paths} - found
    assert named == found - {STATIC / "main.js"}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/** What it is. */\nlet a; // why\n", "\nlet a; // why\n"),
        ("  // why\nlet b;\n", "\nlet b;\n"),
        ("  a {\n    b;\n  }\n", "a {\nb;\n}\n"),
        ("/**\n * Longer.\n * @param {A} a\n */\nf();\n", "\n\n\n\nf();\n"),
        ("const x = /** @type {HTMLElement} */ (y);\n", "const x = (y);\n"),
        ('const url = "https://a/*b*/c"; // */\n', 'const url = "https://a/*b*/c"; // */\n'),
        ("a { color: red } /* stays */\n/* goes */\n", "a { color: red } /* stays */\n\n"),
    ],
)
def test_comments_are_removed(written: str, sent: str) -> None:
    assert strip_comments(written) == sent


@has_node
async def test_a_stripped_script_is_the_same_program(tmp_path: Path) -> None:
    """Every token is the same, and stands on the same line."""
    pairs = []
    for number, path in enumerate(files_with_suffix(".js")):
        sent = tmp_path / f"{number}.js"
        sent.write_text(strip_comments(path.read_text()))
        pairs.append([str(path), str(sent)])
    async with node_client("tokens.js", pairs=pairs) as client:
        assert await client.told() == {"same": len(pairs)}


async def test_a_minified_style_sheet_has_the_same_rules(launch_browser: Launch) -> None:
    """Every rule is the same, as Chromium parses it."""
    page = await (await launch_browser()).new_page()
    read = r"""text => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(text);
        // What stands beside a variable is repeated as it was written.
        return [...sheet.cssRules].map(rule => rule.cssText.replace(/\s+/g, " ").replaceAll(", ", ","));
    }"""
    for path in files_with_suffix(".css"):
        written = path.read_text()
        rules = await page.evaluate(read, written)
        assert rules
        assert await page.evaluate(read, minify_css(strip_comments(written))) == rules, path.name


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a,\nb {\ncolor: red;\nmargin: 0 auto;\n}\n", "a,b{color:red;margin:0 auto;}"),
        ('a::after {\ncontent: "{ ; , } ";\n}', 'a::after{content:"{ ; , } ";}'),
        ("a :hover {\ntop: calc(1px + 2px);\n}", "a :hover{top:calc(1px + 2px);}"),
    ],
)
def test_a_style_sheet_keeps_the_space_that_parts(written: str, sent: str) -> None:
    assert minify_css(written) == sent
