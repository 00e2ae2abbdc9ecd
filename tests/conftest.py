"""The parts that tests run on. Servers are started when a test first asks for them, and once for the whole run."""

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from itertools import chain, groupby, zip_longest
from pathlib import Path
from typing import Literal, Protocol

import pytest
import structlog
from hypothesis import settings
from playwright.async_api import Browser, async_playwright

from infra.build_page import BuildError, build_page
from tests.servers import server as servers
from tests.servers.chromium import Browsers
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import BUNDLE, SERVICES, Service, Stack, migrate
from tests.servers.valkey import Valkey
from tests.servers.whisper import Whisper

# How many examples a property is tried with that does not say so itself, unless `--hypothesis-profile` names another
# profile. CI runs the thorough one. There is no deadline: examples wait for servers, on a machine that may be busy.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)

Parts = Mapping[str, str]
"""The environment that leads our services to a database, a Redis and a store."""

Kind = Literal["local", "servers"]
"""`local`: SQLite and files. `servers`: Postgres and an S3 bucket. Redis is always a real one."""

KINDS: tuple[Kind, ...] = ("local", "servers")


# What the services log in the tests' own process. By default each traceback is drawn with all values of its frames,
# which takes half a second of computing.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])


# -- how long a run may take --------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests as well, and long ones at full length")
    parser.addoption("--bundle", action="store_true", help="serve the page as a bundle to every test")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("thorough" if config.getoption("--slow") else "quick")
    # Once, and not in each process of the run.
    if config.getoption("--bundle") and BUNDLE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="dictaphone-bundle-")) / "bundle"
        build_page(folder)
        os.environ[BUNDLE] = str(folder)


@pytest.fixture(scope="session")
def full_length(request: pytest.FixtureRequest) -> bool:
    """Whether a test that can be of any length takes its time: `make test ARGS=--slow`."""
    return bool(request.config.getoption("--slow"))


# -- servers, shared by all tests ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[SeaweedFS]:
    with SeaweedFS() as server:
        yield server


@pytest.fixture
def whisper() -> Iterator[Whisper]:
    """A Whisper server of this test's own; `whisper.fail(Fault.…)` breaks it."""
    with Whisper() as server:
        yield server


# -- what each test has for itself --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database at head, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate({"DATA_DIR": str(folder)})
    return folder / "dictaphone.sqlite3"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an empty Postgres database at head, to be copied."""
    name = postgres.create_database()
    migrate({"DATABASE_URL": postgres.url(name), "DATA_DIR": str(tmp_path_factory.mktemp("migrated"))})
    return name


@contextlib.contextmanager
def _sqlite(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    path = folder / "dictaphone.sqlite3"
    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
    yield f"sqlite:///{path}"


@contextlib.contextmanager
def _postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Postgres = request.getfixturevalue("postgres")
    # A test before this one may have left the server dead or frozen.
    server.start()
    name = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    yield server.url(name)
    server.start()
    server.drop_database(name)


@contextlib.contextmanager
def _redis(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Valkey = request.getfixturevalue("valkey")
    server.start()
    yield server.url(server.next_database())


@contextlib.contextmanager
def _bucket(request: pytest.FixtureRequest) -> Iterator[Parts]:
    server: SeaweedFS = request.getfixturevalue("seaweedfs")
    server.start()
    name = server.create_bucket()
    yield server.settings(name)
    server.start()
    server.drop_bucket(name)


@contextlib.contextmanager
def _parts(request: pytest.FixtureRequest, kind: Kind, folder: Path) -> Iterator[Parts]:
    with contextlib.ExitStack() as held:
        environment = {"DATA_DIR": str(folder), "REDIS_URL": held.enter_context(_redis(request))}
        if kind == "local":
            environment["DATABASE_URL"] = held.enter_context(_sqlite(request, folder))
        else:
            environment["DATABASE_URL"] = held.enter_context(_postgres(request))
            environment |= held.enter_context(_bucket(request))
        yield environment


@pytest.fixture
def stacks() -> Iterator[contextlib.ExitStack]:
    """The services that this test has started; they end before what they run on, whatever a test asks for first."""
    with contextlib.ExitStack() as held:
        yield held


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database at head, empty; the test runs on SQLite and on Postgres."""
    with _sqlite(request, tmp_path) if request.param == "sqlite" else _postgres(request) as url:
        yield url


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A SQLite database at head, empty."""
    with _sqlite(request, tmp_path) as url:
        yield url


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A Postgres database at head, empty."""
    with _postgres(request) as url:
        yield url


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty Redis database."""
    with _redis(request) as url:
        yield url


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Iterator[Parts]:
    """An empty bucket, as the environment that leads to it: `BUCKET_NAME`, `AWS_…`."""
    with _bucket(request) as environment:
        yield environment


@pytest.fixture(params=KINDS)
def parts(request: pytest.FixtureRequest, tmp_path: Path, stacks: contextlib.ExitStack) -> Iterator[Parts]:
    """Everything that a `Stack` needs, empty; the test runs on SQLite and files, and on Postgres and S3."""
    with _parts(request, request.param, tmp_path) as environment:
        yield environment
        stacks.close()


@pytest.fixture
def local_parts(request: pytest.FixtureRequest, tmp_path: Path, stacks: contextlib.ExitStack) -> Iterator[Parts]:
    """`parts` on SQLite and files alone."""
    with _parts(request, "local", tmp_path) as environment:
        yield environment
        stacks.close()


@pytest.fixture
def server_parts(request: pytest.FixtureRequest, tmp_path: Path, stacks: contextlib.ExitStack) -> Iterator[Parts]:
    """`parts` on Postgres and S3 alone, for tests that break one of them."""
    with _parts(request, "servers", tmp_path) as environment:
        yield environment
        stacks.close()


@pytest.fixture(params=KINDS, scope="module")
def module_parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """`parts` for a whole module, where many tests look at one stack and none breaks it."""
    with _parts(request, request.param, tmp_path_factory.mktemp("parts")) as environment:
        yield environment


@pytest.fixture(scope="module")
def module_local_parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """`module_parts` on SQLite and files alone."""
    with _parts(request, "local", tmp_path_factory.mktemp("parts")) as environment:
        yield environment


# -- our own services ---------------------------------------------------------------------------------------------


class StartStack(Protocol):
    def __call__(self, parts: Parts, *services: str, **environment: str) -> Stack: ...


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's bundle, made of the files that are there now: `start_stack(parts, BUNDLE_DIR=str(bundle))`."""
    if BUNDLE in os.environ:
        return Path(os.environ[BUNDLE])
    folder = tmp_path_factory.mktemp("page") / "bundle"
    try:
        build_page(folder)
    except BuildError as error:
        pytest.skip(f"the bundle cannot be made: {error}")
    return folder


@pytest.fixture(params=["modules", "bundle"])
def page_form(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The environment in which the api serves the page as plain modules, and as the bundle."""
    return {"BUNDLE_DIR": str(request.getfixturevalue("bundle")) if request.param == "bundle" else ""}


@pytest.fixture
def start_stack(stacks: contextlib.ExitStack) -> StartStack:
    """Start services by name, all if none is named: `start_stack(parts, "api", MAX_UPLOAD_BYTES="1000")`."""

    def start(parts: Parts, *services: str, **environment: str) -> Stack:
        # `parts` brings its database at head.
        return stacks.enter_context(Stack({**parts, **environment}, services or SERVICES, migrate=False))

    return start


@pytest.fixture
def stack(start_stack: StartStack, parts: Parts) -> Stack:
    """All three services, on both kinds of parts."""
    return start_stack(parts)


# -- browsers -----------------------------------------------------------------------------------------------------

Launch = Callable[..., Awaitable[Browser]]


@pytest.fixture(scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    async with async_playwright() as playwright:
        browsers = Browsers(playwright)
        yield browsers
        await browsers.close()


@pytest.fixture
async def launch_browser(browsers: Browsers) -> AsyncIterator[Launch]:
    """A Chromium, as often as asked; what the test opens in it is closed after the test.

    Give it what `chromium.launch` takes: a file to play (`speech.microphone(…)`), `Microphone.REFUSED`, or nothing for
    a machine without a microphone.
    """
    yield browsers.launch
    await browsers.clear()


# -- the order of a whole run -------------------------------------------------------------------------------------

BROWSER = Path(__file__).parent / "browser"


def pytest_xdist_auto_num_workers() -> int:
    """Two processes more than there are cores: tests wait for clocks and for servers as often as they compute."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones out, unless `--slow`.

    Take turns between the browser's files and the others, the slowest first, so that never all want the cores.
    """
    if not config.getoption("--slow"):
        slow = [test for test in items if test.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [test for test in items if test not in slow]
    files = [list(tests) for _, tests in groupby(items, lambda test: test.path)]
    browser = [tests for tests in files if BROWSER in tests[0].path.parents]
    others = [tests for tests in files if BROWSER not in tests[0].path.parents]
    turns = chain.from_iterable(zip_longest(browser, reversed(others), fillvalue=[]))
    items[:] = chain.from_iterable(turns)


# -- what was not run is said, each reason once ------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple))
    for reason, tests in reasons.items():
        terminalreporter.write_line(f"{tests} not run: {reason.removeprefix('Skipped: ')}")


# -- a failure shows what the servers wrote -----------------------------------------------------------------------

SERVICE_LINES = 60
SERVER_LINES = 15


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in servers.running:
            lines = SERVICE_LINES if isinstance(server, Service) else SERVER_LINES
            state = "running" if server.is_running() else "not running"
            report.sections.append((f"log of {server.name} ({state})", server.log_tail(lines)))
    return report
