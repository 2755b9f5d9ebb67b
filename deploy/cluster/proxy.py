"""What this machine's haproxy sees, and a server of pages taken out before work on it: as root.

    python3 deploy/cluster/proxy.py show             every server: UP, DOWN, DRAIN, and who is on it now
    python3 deploy/cluster/proxy.py drain app1       nobody new is sent to it; who is on it is served to the end
    python3 deploy/cluster/proxy.py ready app1       visitors again

Each haproxy is asked for itself: with several, do it on each. Standard library only.
"""

import argparse
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

SOCKET = Path("/run/haproxy/admin.sock")
_PART, _SERVER, _NOW, _STATUS = 0, 1, 4, 17  # columns of haproxy's `show stat`


def said(place: Path, words: str) -> str:
    """haproxy's answer to a command.

    Raises:
        OSError: nobody listens there.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(place))
        line.sendall(words.encode() + b"\n")
        parts = []
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts).decode().strip()


def servers(place: Path) -> Iterator[tuple[str, str, str, str]]:
    """(part of haproxy.cfg, server, its state, how many are on it now)."""
    for line in said(place, "show stat").splitlines():
        row = line.split(",")
        if not line.startswith("#") and row[_SERVER] not in ("FRONTEND", "BACKEND"):
            yield row[_PART], row[_SERVER], row[_STATUS], row[_NOW]


def turn(place: Path, name: str, state: str) -> int:
    """Put a server into a state wherever haproxy sends anybody to it; in how many places that was."""
    parts = [part for part, server, _, _ in servers(place) if server == name]
    for part in parts:
        if answer := said(place, f"set server {part}/{name} state {state}"):
            raise ValueError(answer)
    return len(parts)


def main() -> int:
    """Look, drain, or send visitors again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", type=Path, default=SOCKET)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("show")
    for verb in ("drain", "ready"):
        verbs.add_parser(verb).add_argument("server")
    asked = parser.parse_args()
    try:
        if asked.verb != "show" and not turn(asked.socket, asked.server, asked.verb):
            raise ValueError(f"no server is called {asked.server}; `show` names them")
        for row in servers(asked.socket):
            print(f"{row[0]:<20} {row[1]:<12} {row[2]:<12} {row[3]:>5} now")
    except (OSError, ValueError) as error:
        print(f"proxy: {error} ({asked.socket})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
