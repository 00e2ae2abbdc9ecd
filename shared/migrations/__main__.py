"""`python -m shared.migrations`: upgrade the database to the newest revision, before a release starts."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from shared import logs
from shared.db.engine import open_engine
from shared.settings import MigrationSettings, load


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
    command.upgrade(alembic_config(engine), "head")
    engine.dispose()


if __name__ == "__main__":
    main()
