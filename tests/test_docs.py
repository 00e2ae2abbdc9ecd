"""The documents name what there is: variables, commands, files, links."""

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from services.api.app import ROUTES
from services.api.openapi.document import build
from services.api.settings import ApiSettings
from services.realtime.metrics import Metrics
from services.realtime.settings import RealtimeSettings
from services.transcriber.settings import TranscriberSettings
from shared.settings import ProcessSettings

ROOT = Path(__file__).parents[1]

DOCUMENTS = sorted(
    path.relative_to(ROOT) for pattern in ("*.md", "docs/**/*.md", "tests/data/*.md") for path in ROOT.glob(pattern)
)
TEXTS = {path: (ROOT / path).read_text() for path in DOCUMENTS}
ALL = "\n".join(TEXTS.values())

ADRS = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))

SERVICES: dict[str, type[ProcessSettings]] = {
    "api": ApiSettings,
    "realtime": RealtimeSettings,
    "transcriber": TranscriberSettings,
}

READ_BY = {
    "REALTIME_PORT": "infra/launch_plan.py",
    "TRANSCRIBER_PORT": "infra/launch_plan.py",
    **dict.fromkeys(("POSTGRES_SECRET", "VALKEY_SECRET", "BUCKET_SECRET", "DICTAPHONE_SECRET"), "infra/compose.yaml"),
    "TRANSCRIBER_MEMORY": "infra/compose.yaml",
    "PUBLISH": "infra/compose.yaml",
    "PYTHON": "Makefile",
    "MIN_RELEASE_AGE": "Makefile",
    "ARGS": "Makefile",
    **dict.fromkeys(("MINUTES", "FAULTS", "SEED"), "Makefile"),
    "FANOUT_GEN_C": "tests/bench/realtime.py",
    "MIGRATIONS_DATABASE_URL": "shared/settings.py",
    "SERVICES_PYTHON": "tests/servers/stack.py",
}
"""Variables that are no service's settings → the file that reads each."""

READ_ELSEWHERE = {
    *("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN"),  # the hub's client
    *("CLUSTER_ID", "URL", "ID", "NAME", "TOKEN"),  # the reader's own, in examples
}
"""Names in capitals that nothing here reads."""

MADE_LATER = {
    "infra/.env",  # by whoever deploys
    "shared/migrations/versions/NNNN_what.py",  # by whoever writes one
    "tests/results/",  # by `make screenshots`
    ".venv",  # by `make`
}
"""Paths that a clone does not have."""

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=str)


# -- variables ----------------------------------------------------------------------------------------------------


def test_the_configuration_table_is_what_the_services_read() -> None:
    configuration = TEXTS[Path("docs/configuration.md")]
    table = re.search(r"^\| Variable \| Default .*\n\|[-|]+\|\n((?:\|.*\n)*)", configuration, re.MULTILINE)
    assert table
    assert table[1] == "".join(f"{row}\n" for row in rows())


def rows() -> Iterable[str]:
    """The table: a row for each variable, and for each meaning where services differ."""
    readers: dict[tuple[str, str, str], list[str]] = {}
    for service, settings in SERVICES.items():
        for name, field in settings.model_fields.items():
            assert field.description, f"{settings.__name__}.{name} has no description"
            meaning = field.description.replace("|", "\\|")
            readers.setdefault((variable(name, field), default(field), meaning), []).append(service)
    for (name, value, meaning), services in readers.items():
        yield f"| `{name}` | {value} | {', '.join(services) if len(services) < len(SERVICES) else 'all'} | {meaning} |"


def variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def default(field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if isinstance(value, bool):
        value = "on" if value else "off"
    return "" if value in ("", frozenset()) else f"`{value}`"


@documents
def test_every_variable_that_is_named_is_read(path: Path) -> None:
    settings = {variable(name, field) for service in SERVICES.values() for name, field in service.model_fields.items()}
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\b[A-Z]+(?==)", TEXTS[path]))
    assert named <= settings | READ_BY.keys() | READ_ELSEWHERE


@pytest.mark.parametrize(("name", "path"), READ_BY.items())
def test_a_variable_of_a_command_is_read_there(name: str, path: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / path).read_text())
    assert f"`{name}`" in TEXTS[Path("docs/configuration.md")]


# -- metrics ------------------------------------------------------------------------------------------------------


def test_the_tables_of_metrics_are_what_the_programs_report() -> None:
    table_rows = re.findall(r"^\| `dictaphone_\w+` \|.*\|.*\|.*\|$", TEXTS[Path("docs/metrics.md")], re.MULTILINE)
    assert sorted(table_rows) == sorted(metric_rows())


def metric_rows() -> Iterable[str]:
    """A row for each metric of the services, all of whose modules are imported for that."""
    for package in ("services", "shared"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.startswith("shared.migrations"):
                importlib.import_module(module.name)
    registered = {metric.name: metric for metric in (*REGISTRY.collect(), *Metrics(1).collect())}
    labels = {collector._name: collector._labelnames for collector in metric_wrappers()}
    for name, metric in registered.items():
        if name.startswith("dictaphone_"):
            exposed = f"{name}_total" if metric.type == "counter" else name
            named = ", ".join(f"`{label}`" for label in labels.get(name, ()))
            yield f"| `{exposed}` | {metric.type} | {named} | {metric.documentation} |"


def metric_wrappers() -> Iterable[MetricWrapperBase]:
    """The metrics of the default registry; a metric without a value yet tells its labels nowhere else."""
    return (each for each in REGISTRY._collector_to_names if isinstance(each, MetricWrapperBase))


# -- commands -----------------------------------------------------------------------------------------------------


def test_every_command_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {target for line in re.findall(r"(?:`|^\s+)make ([a-z -]+)", ALL, re.MULTILINE) for target in line.split()}
    assert {"local-up", "test", "check", "deploy-api", "deploy-realtime", "deploy-transcriber"} <= named
    assert named - {"bench-"} <= targets, "`make` has no such target"
    offered = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert {target for target in offered if target.startswith("bench-")} <= named


def test_every_module_that_is_started_exists() -> None:
    modules = set(re.findall(r"python -m ([a-z_.]+)", ALL)) - {"services.", "pytest"}
    assert modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_every_curl_example_is_in_the_api() -> None:
    commands = re.findall(r"^ +curl (.*)$", ALL, re.MULTILINE)
    assert commands
    operations = {(method, address(path)) for path, methods in build(ROUTES)["paths"].items() for method in methods}
    for command in commands:
        explicit = re.search(r"-X (\w+)", command)
        bodies = {"--upload-file": "put", "--data-binary": "post"}
        implied = next((method for option, method in bodies.items() if option in command), "get")
        method = explicit[1].lower() if explicit else implied
        url = re.search(r'"\$URL([^"?]*)', command)
        assert url, command
        assert any(method == offered and path.fullmatch(url[1]) for offered, path in operations), command


def address(path: str) -> re.Pattern[str]:
    """What an OpenAPI path matches; names of clips may have slashes."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda part: ".+" if part[1] == "name" else "[^/]+", path))


def test_pre_commit_runs_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^check: .*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    assert recipe
    checks = [line.strip().replace("$(RUN)", ".venv/bin/python") for line in recipe[1].splitlines()]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == [*checks, "make check-js"]
    assert all(shlex.split(hook["entry"]) and not hook["pass_filenames"] for hook in hooks)


# -- links and files ----------------------------------------------------------------------------------------------


@documents
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", TEXTS[path])
    for link in links:
        if re.match(r"(https?|mailto):", link):
            continue
        file, _, anchor = link.partition("#")
        assert not file.startswith("/"), f"{link} is not relative"
        target = (ROOT / path).parent / file if file else ROOT / path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


def anchors(text: str) -> set[str]:
    """The anchors that renderers make of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@documents
def test_every_file_that_is_named_exists(path: Path) -> None:
    folders = "services|shared|static|infra|tests|requirements|docs"
    for name in re.findall(
        rf"`((?:{folders})/[\w./-]*|\.[a-z][\w./-]+|[\w.-]+\.(?:toml|md)|renovate\.json)`", TEXTS[path]
    ):
        is_there = (ROOT / name).exists() or (ROOT / path).parent.joinpath(name).exists()
        assert is_there or name in MADE_LATER, name


def test_the_tree_names_every_folder() -> None:
    """ARCHITECTURE's tree has each folder that holds code, under its parent, and no other."""
    tree = re.search(r"^## Layout$.*?\n\n((?:    .*\n)+)", TEXTS[Path("ARCHITECTURE.md")], re.MULTILINE | re.DOTALL)
    assert tree
    named, parents = set(), list[str]()
    for indent, folder in re.findall(r"^    ( *)([\w-]+)/(?= |$)", tree[1], re.MULTILINE):
        parents[len(indent) // 2 :] = [folder]
        named.add("/".join(parents))
    assert {folder for folder in named if (ROOT / folder).is_dir()} == named
    packages = {
        path.parent.relative_to(ROOT) for root in ("services", "shared") for path in ROOT.glob(f"{root}/**/*.py")
    }
    inner = {"services", "shared/migrations/versions"}
    assert {str(package) for package in packages} - named <= inner


def test_a_reader_finds_every_module() -> None:
    """ARCHITECTURE names each module in "I want to change… | open", or on the path of a recording."""
    modules = {str(path.relative_to(ROOT)) for root in ("services", "shared") for path in ROOT.glob(f"{root}/**/*.py")}
    named = {path for path in modules if f"`{path}`" in TEXTS[Path("ARCHITECTURE.md")]}
    missing = {path for path in modules - named if "/__" not in path and "/versions/" not in path}
    assert not missing, "ARCHITECTURE.md has no row for these"


def test_every_decision_is_listed_and_has_its_parts() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", TEXTS[Path("docs/adr/README.md")])
    assert listed == ADRS
    for name in ADRS:
        headings = re.findall(r"^(#+ .*)$", TEXTS[Path("docs/adr") / name], re.MULTILINE)
        assert headings[0].startswith(f"# {int(name[:4])}. ")
        assert headings[1:] == ["## Context", "## Decision", "## Consequences", "## What would change this"]


def test_blame_ignores_whole_hashes() -> None:
    lines = (ROOT / ".git-blame-ignore-revs").read_text().splitlines()
    hashes = [line for line in lines if line and not line.startswith("#")]
    assert hashes
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit in hashes)
