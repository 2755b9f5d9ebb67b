"""PostgreSQL's own programs on the embedded server: they are not in the PATH, and only we know its address.

    python docs/runbooks/pg.py dump city.dump         one moment's picture, while it runs
    python docs/runbooks/pg.py restore city.dump      DROPS the database and makes it anew from the file
    python docs/runbooks/pg.py psql file.sql [name=value …]

By the program's Python (`.venv/bin/python`), as the user whose server it is, with its QOSYMSHA_STATE. It joins a
running server, or starts it for the time.
"""

import os
import subprocess
import sys
from pathlib import Path

from qosymsha.runtime import postgres
from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.places import places_of

DATABASE = "qosymsha"


def argv(server: postgres.Server, verb: str, file: Path, given: list[str]) -> list[str]:
    """The program and its words."""
    programs, address = find_binaries(places_of()).folder, server.url(DATABASE)
    if verb == "dump":
        return [str(programs / "pg_dump"), "--format=custom", f"--file={file}", address]
    if verb == "restore":
        return [str(programs / "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={address}", str(file)]
    values = [word for one in given for word in ("-v", one)]
    return [str(programs / "psql"), "-X", "-v", "ON_ERROR_STOP=1", *values, "-f", str(file), address]


def main() -> int:
    """Do it; the program's own status."""
    verb, *words = sys.argv[1:] or [""]
    if verb not in ("dump", "restore", "psql") or not words:
        print(__doc__, file=sys.stderr)
        return 2
    file = Path(words[0]).absolute()
    if verb != "dump" and not file.is_file():
        print(f"pg: {file} is not there; nothing was done", file=sys.stderr)
        return 2
    if os.environ.get("DATABASE_URL"):
        print("pg: DATABASE_URL is set: that server's own pg_dump, pg_restore and psql are meant", file=sys.stderr)
        return 2
    with postgres.running() as server:
        postgres.create_database(server, DATABASE, drop_first=verb == "restore")
        return subprocess.call(argv(server, verb, file, words[1:]), cwd="/")


if __name__ == "__main__":
    sys.exit(main())
