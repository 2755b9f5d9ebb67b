"""Receives a server's log until it is ended, through whatever happens to the server: `python -m … ADDRESS FOLDER`.

Not by pg_receivewal's own loop: a cluster's new leader does not know our slot, and it would ask for it for ever. Here
the slot is made again, and the log goes on where the folder ends (the leader keeps a gigabyte of it).
"""

import subprocess
import sys
import time
from pathlib import Path

from qosymsha.runtime import backups
from qosymsha.runtime.errors import EnvironmentFault

_PAUSE = 2.0


def main(url: str, folder: Path) -> None:
    """Never returns: whoever started it ends its group."""
    while True:
        try:
            subprocess.run([*backups.receiver(url, folder), "--no-loop"], check=False)
        except EnvironmentFault as fault:  # nobody leads at the moment
            sys.stderr.write(f"log receiver: {fault}\n")
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
