"""Print a link that claims this server, or lets its owner back in: `python -m services.api.claim`."""

import argparse
import sys
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from services.api.people.claim import LIFETIME, claim_link, new_code, owner
from services.api.people.sign_ins import have_people
from services.api.settings import ApiSettings
from shared import logs
from shared.db.engine import open_engine, transaction
from shared.people.models import Person
from shared.settings import load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.api.claim", description=__doc__)
    parser.add_argument("--name", help="of the person who is to come back in; without it, who has owned it longest")
    arguments = parser.parse_args()
    settings = load(ApiSettings)
    logs.configure("claim", settings.log_level)
    engine = open_engine(settings, pool_size=1)
    try:
        with transaction(engine) as session:
            person = session.exec(Person.named(arguments.name)).first() if arguments.name else owner(session)
            if arguments.name and person is None:
                sys.stderr.write(f"Nobody here has the name {arguments.name!r}.\n")
                return 1
            if person is None and have_people(session):
                sys.stderr.write("There are people here, and none of them owns `home`. Name one of them by --name.\n")
                return 1
            code = new_code(session, datetime.now(UTC), person)
    except SQLAlchemyError as error:
        sys.stderr.write(f"The database does not answer, or has an older schema: {type(error).__name__}.\n")
        return 1
    finally:
        engine.dispose()
    minutes = int(LIFETIME.total_seconds() // 60)
    what = f"Come back in as {person.name}" if person else "Claim this server"
    sys.stdout.write(f"{what}, within {minutes} minutes: {claim_link(settings, code)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
