"""A proxy between the product and PostgreSQL that loses the word of a commit: the reply to it, or the word itself.

Lost reply: the server has committed, the client never hears of it and its connection is gone. Lost word: the client has
asked for the commit, the server never hears of it. The client can't tell the one from the other.

It reads PostgreSQL's protocol both ways. A commit is a COMMIT, or a statement outside a transaction that calls one of
the hot verbs' functions: these commit by themselves. Run as a program of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from qosymsha.runtime.processes import wait_until
from tests.faults.stage import end_with_parent

SOCKET = ".s.PGSQL.5432"
HOT = (b"file_application(", b"take_place(")  # functions whose statement is its own transaction
_HEADER = struct.Struct("!cI")
_LENGTH = struct.Struct("!I")


@dataclass(slots=True)
class Tally:
    """What passed: commits the server answered (`hot`: by a function), replies cut, words cut before it heard them."""

    commits: int = 0
    hot: int = 0
    replies_cut: int = 0
    words_cut: int = 0


@dataclass(frozen=True, slots=True)
class Cuts:
    """Which to cut: by share of all, and the first so many of each sort for certain."""

    replies: float = 0.0
    words: float = 0.0
    first_replies: int = 0
    first_words: int = 0


class Scissors:
    """Decides, by seed and in the order of the commits, which are cut; only while `blade` exists, if one is named."""

    def __init__(self, cuts: Cuts, seed: int, blade: Path | None = None) -> None:
        self._cuts, self._blade = cuts, blade
        self._of_replies, self._of_words = random.Random(f"replies {seed}"), random.Random(f"words {seed}")
        self.tally = Tally()

    def cuts_reply(self, *, is_hot: bool) -> bool:
        """Ask once for each commit that the server answered."""
        self.tally.commits += 1
        self.tally.hot += is_hot
        wanted = self.tally.replies_cut < self._cuts.first_replies or self._of_replies.random() < self._cuts.replies
        is_cut = wanted and self._is_out()
        self.tally.replies_cut += is_cut
        return is_cut

    def cuts_word(self) -> bool:
        """Ask once for each commit that a client asked for."""
        wanted = self.tally.words_cut < self._cuts.first_words or self._of_words.random() < self._cuts.words
        is_cut = wanted and self._is_out()
        self.tally.words_cut += is_cut
        return is_cut

    def _is_out(self) -> bool:
        return self._blade is None or self._blade.exists()


class Messages:
    """Bytes as PostgreSQL's messages, wherever the pieces were cut; kinds that are not `wanted` are skipped unread."""

    def __init__(self, wanted: bytes, *, with_greeting: bool = False) -> None:
        """A client's first message, its greeting, has no kind."""
        self._wanted, self._greets = wanted, with_greeting
        self._rest = b""
        self._skip = 0

    def read(self, piece: bytes) -> list[tuple[bytes, bytes]]:
        """Kind and body of every wanted message that this piece completes."""
        found, data = [], self._rest + piece
        at = self._pass_by(data, 0)
        while not self._skip and len(data) - at >= _HEADER.size:
            if self._greets:
                self._greets, self._skip = False, _LENGTH.unpack_from(data, at)[0]
            else:
                kind, length = _HEADER.unpack_from(data, at)
                end = at + 1 + length
                if kind not in self._wanted:
                    self._skip = 1 + length
                elif end > len(data):
                    break
                else:
                    found.append((kind, data[at + _HEADER.size : end]))
                    at = end
            at = self._pass_by(data, at)
        self._rest = data[at:]
        return found

    def _pass_by(self, data: bytes, at: int) -> int:
        step = min(self._skip, len(data) - at)
        self._skip -= step
        return at + step


class Talk:
    """What is said on one connection, as far as it tells of commits."""

    def __init__(self) -> None:
        self._asked, self._answered = Messages(b"QPB", with_greeting=True), Messages(b"CEZ")
        self._hot_names: set[bytes] = set()  # of prepared statements
        self._is_alone = True  # outside a transaction, as the server said last
        self._is_hot = False

    def asks_commit(self, piece: bytes) -> bool:
        """Hear the client; true when it asks for a commit."""
        asks = False
        for kind, body in self._asked.read(piece):
            parts = body.split(b"\0")
            text = parts[0] if kind == b"Q" else parts[1] if kind == b"P" else b""
            if kind == b"P":
                (self._hot_names.add if _is_hot(text) else self._hot_names.discard)(parts[0])
            calls_hot = _is_hot(text) if kind == b"Q" else kind == b"B" and parts[1] in self._hot_names
            self._is_hot |= calls_hot and self._is_alone
            asks |= text == b"COMMIT" or (calls_hot and self._is_alone)
        return asks

    def commits_in(self, piece: bytes) -> list[bool]:
        """Hear the server; an item for each commit that it answers: whether a hot verb's function made it."""
        commits = []
        for kind, body in self._answered.read(piece):
            if kind == b"C" and body == b"COMMIT\0":
                commits.append(False)
            elif kind == b"E":
                self._is_hot = False
            elif kind == b"Z":
                self._is_alone = body == b"I"
                if self._is_hot and self._is_alone:
                    commits.append(True)
                self._is_hot = False
        return commits


def _is_hot(text: bytes) -> bool:
    return any(name in text for name in HOT)


class _Client(asyncio.Protocol):
    """The product's end of a connection, and through `_server` PostgreSQL's."""

    def __init__(self, to: str, scissors: Scissors) -> None:
        self._to, self.scissors = to, scissors
        self._early: list[bytes] = []
        self.talk = Talk()
        self.transport: asyncio.Transport | None = None
        self.server: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        asyncio.ensure_future(self._reach())

    async def _reach(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: _Server(self), self._to)
        except OSError:
            self.hang_up()

    def reached(self, server: asyncio.Transport) -> None:
        """The server's end stands: what the client has said meanwhile goes first."""
        self.server = server
        for piece in self._early:
            server.write(piece)

    def data_received(self, data: bytes) -> None:
        if self.talk.asks_commit(data) and self.scissors.cuts_word():
            self.hang_up()
        elif self.server is None:
            self._early.append(data)
        else:
            self.server.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Nothing more goes to either side; what the server has committed stays committed."""
        for end in (self.transport, self.server):
            if end is not None:
                end.abort()


class _Server(asyncio.Protocol):
    def __init__(self, client: _Client) -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client.reached(transport)

    def data_received(self, data: bytes) -> None:
        commits = self._client.talk.commits_in(data)
        cut = [self._client.scissors.cuts_reply(is_hot=hot) for hot in commits]  # each is asked
        if any(cut):
            self._client.hang_up()
        elif self._client.transport is not None:
            self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._client.transport is not None:
            self._client.transport.close()


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy at work: the folder of its socket, and the file its tally will stand in."""

    folder: Path
    told: Path

    def tally(self) -> Tally:
        """What passed; once the proxy has ended."""
        return Tally(**json.loads(self.told.read_text(encoding="ascii")))


@contextmanager
def between(folder: Path, server: Path, cuts: Cuts, seed: int) -> Iterator[Proxy]:
    """Run a proxy in `folder` before the server whose socket's folder is `server`. It cuts while `folder`/blade is."""
    folder.mkdir(parents=True, exist_ok=True)
    proxy = Proxy(folder, folder / "tally.json")
    words = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(cuts).items()]
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), str(server), f"--seed={seed}", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert wait_until(lambda: (folder / SOCKET).exists() or process.poll() is not None, 60), "no proxy"
        yield proxy
    finally:
        process.terminate()
        process.wait()


async def _serve(folder: Path, server: Path, scissors: Scissors) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    listening = await loop.create_unix_server(lambda: _Client(str(server / SOCKET), scissors), str(folder / SOCKET))
    try:
        await done.wait()
    finally:
        listening.close()
        (folder / "tally.json").write_text(json.dumps(asdict(scissors.tally)), encoding="ascii")


def main() -> None:
    """Stand between until SIGTERM, then write the tally."""
    end_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("server", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    for name, default in asdict(Cuts()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    asked = parser.parse_args()
    cuts = Cuts(asked.replies, asked.words, asked.first_replies, asked.first_words)
    asyncio.run(_serve(asked.folder, asked.server, Scissors(cuts, asked.seed, asked.folder / "blade")))


if __name__ == "__main__":
    main()
