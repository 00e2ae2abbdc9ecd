"""`python -m shared.migrations`: upgrade the database to the newest revision, before a release starts."""

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from shared import logs
from shared.db.engine import open_engine
from shared.settings import MigrationSettings, load

log = structlog.get_logger(__name__)


def alembic_config(engine: Engine) -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    return config


def main() -> None:
    settings = load(MigrationSettings).direct()
    logs.configure("migrations", settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings, pool_size=2)  # one connection holds the lock
    config = alembic_config(engine)
    if revision := newer_revision(engine, config):
        log.warning("the database is of a newer release and stays as it is", revision=revision)
    else:
        command.upgrade(config, "head")
    engine.dispose()


def newer_revision(engine: Engine, config: Config) -> str | None:
    """The database's revision if this release does not know it: after a rollback, a newer release has migrated.

    Its schema is one that this release can use (docs/adr/0008-expand-and-contract.md).
    """
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return current if current not in {None, *known} else None


if __name__ == "__main__":
    main()
