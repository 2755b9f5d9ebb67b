"""A treasury that behaves badly on purpose, the same way for the same seed: late, twice, shuffled, about strangers."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.integrations.treasury.messages import OrderedLine, order_number, read_order, read_replies
from qosymsha.integrations.treasury.writing import write_replies

_REASONS = ("AC04", "AC01", "BE04", "AM05")  # account closed, unknown, no address, said twice: ISO 20022 codes


@dataclass(frozen=True, slots=True)
class Manners:
    """How often, in permille of the lines, the fake does what real ones do.

    Each line gets its final word, but for those it keeps silent about. `refused_files`: permille of files rejected
    whole, without a word about lines.
    """

    rejected: int = 15
    returned: int = 3
    repeated: int = 50
    late: int = 100
    stranger: int = 3
    other_amount: int = 3
    other_file: int = 0
    other_currency: int = 0
    unknown_status: int = 0
    pending_first: int = 0
    silent: int = 0
    refused_files: int = 0


@dataclass(slots=True)
class _Memory:
    """What the fake knows; `words` are (turn from which on it is said, the word)."""

    asked: int = 0
    receipts: dict[str, str] = field(default_factory=dict)
    words: list[tuple[int, Reply]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)


class FakeTreasury:
    """Keeps its memory in the folder given, else in that of the setting TREASURY_FOLDER (a trial's), else in memory.

    What it says follows from `seed` and our line ids, never from the clock.
    """

    def __init__(self, seed: int = 0, manners: Manners | None = None, folder: Path | None = None) -> None:
        self._seed, self._manners = seed, manners or Manners()
        named = settings.TREASURY_FOLDER
        self._folder = folder or (Path(named) if named else None)
        self._own = _Memory()

    def send(self, content: bytes, content_hash: bytes, signature: bytes = b"") -> str:  # noqa: ARG002 - the port's
        """Take a file, once per hash."""
        assert hashlib.sha256(content).digest() == content_hash, "the hash is the content's"
        name = content_hash.hex()
        with self._memory() as memory:
            if name not in memory.receipts:
                memory.receipts[name] = f"FAKE-{name[:16]}"
                memory.words += self._words_about_file(content, memory.asked)
            return memory.receipts[name]

    def replies(self) -> list[Reply]:
        """What is due and not acknowledged, shuffled, some of it twice; read back from the messages it would send."""
        return [reply for message in self.messages() for reply in read_replies(message)]

    def messages(self) -> list[bytes]:
        """The same as the bytes of pain.002 and camt.054."""
        with self._memory() as memory:
            memory.asked += 1
            asked = memory.asked
            due = [word for turn, word in memory.words if turn <= asked and word.reference not in memory.known]
        said = [r for r in due for _ in range(1 + self._happens("repeated", r.reference, self._manners.repeated))]
        said.sort(key=lambda r: self._draw("order", f"{asked} {r.reference}"))
        return write_replies(said, number=f"FAKE-{asked}", created="2026-01-01T00:00:00Z")

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """Say these no more."""
        with self._memory() as memory:
            memory.known |= {reply.reference for reply in replies}

    @contextmanager
    def _memory(self) -> Iterator[_Memory]:
        """The memory, for this process alone while it is changed; a folder's is stored whole or not at all."""
        if self._folder is None:
            yield self._own
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "fake-treasury.json"
        with (self._folder / "fake-treasury.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            memory = _loaded(path.read_text("utf-8")) if path.exists() else _Memory()
            yield memory
            part = path.with_suffix(".part")
            part.write_text(_stored(memory), "utf-8")
            part.replace(path)

    def _words_about_file(self, content: bytes, asked: int) -> list[tuple[int, Reply]]:
        number, lines = order_number(content), read_order(content)
        if self._happens("refused_file", number, self._manners.refused_files):
            total = sum(line.amount_tiyn for line in lines)
            word = Reply(self._reference("file", number), "", ReplyStatus.REJECTED, total, "AM05", number)
            return [(asked + 1, word)]
        return [word for line in lines for word in self._words_about(line, number, asked)]

    def _words_about(self, line: OrderedLine, number: str, asked: int) -> list[tuple[int, Reply]]:
        key, manners = line.end_to_end_id, self._manners
        turn = asked + 1 + self._happens("late", key, manners.late)
        words = [(turn, word) for word in self._nonsense(line, number)]
        if self._happens("silent", key, manners.silent):
            return words
        if self._happens("pending_first", key, manners.pending_first):
            words.append((turn, self._reply(line, ReplyStatus.PENDING, number)))
            turn += 1
        if self._happens("rejected", key, manners.rejected):
            return [*words, (turn, self._reply(line, ReplyStatus.REJECTED, number))]
        words.append((turn, self._reply(line, ReplyStatus.ACCEPTED, number)))
        if self._happens("returned", key, manners.returned):
            words.append((turn, self._reply(line, ReplyStatus.RETURNED, number)))
        return words

    def _nonsense(self, line: OrderedLine, number: str) -> Iterator[Reply]:
        """Words that a person must see: about strangers, with another amount, currency, file, in an unknown code."""
        key, manners = line.end_to_end_id, self._manners
        paid = ReplyStatus.ACCEPTED
        if self._happens("stranger", key, manners.stranger):
            yield self._reply(line, paid, number, end_to_end_id=f"X-{self._reference('x', key)}")
        if self._happens("other_amount", key, manners.other_amount):
            yield self._reply(line, paid, number, amount_tiyn=line.amount_tiyn + 1)
        if self._happens("other_currency", key, manners.other_currency):
            yield self._reply(line, paid, number, currency="USD")
        if self._happens("other_file", key, manners.other_file):
            yield self._reply(line, paid, f"X-{number}")
        if self._happens("unknown_status", key, manners.unknown_status):
            yield self._reply(line, ReplyStatus.UNKNOWN, number)

    def _reply(self, line: OrderedLine, status: ReplyStatus, number: str, **changes: Any) -> Reply:
        told: dict[str, Any] = {"end_to_end_id": line.end_to_end_id, "amount_tiyn": line.amount_tiyn, "currency": "KZT"}
        told |= changes
        key = told["end_to_end_id"]
        is_fine = status in (ReplyStatus.ACCEPTED, ReplyStatus.PENDING)
        reason = "" if is_fine else _REASONS[self._draw("reason", key) % len(_REASONS)]
        named = f"{status} {told['amount_tiyn']} {told['currency']} {number}"
        return Reply(self._reference(named, key), status=status, reason=reason, file_number=number, **told)

    def _reference(self, what: str, key: str) -> str:
        return hashlib.sha256(f"{self._seed} {what} {key}".encode()).hexdigest()[:24].upper()

    def _happens(self, what: str, key: str, permille: int) -> bool:
        return self._draw(what, key) % 1000 < permille

    def _draw(self, what: str, key: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._seed} {what} {key}".encode()).digest()[:8], "big")


def _stored(memory: _Memory) -> str:
    words = [[turn, asdict(word)] for turn, word in memory.words]
    return json.dumps(
        {"asked": memory.asked, "receipts": memory.receipts, "words": words, "known": sorted(memory.known)},
        ensure_ascii=False,
    )


def _loaded(text: str) -> _Memory:
    stored = json.loads(text)
    words = [(turn, Reply(**{**word, "status": ReplyStatus(word["status"])})) for turn, word in stored["words"]]
    return _Memory(stored["asked"], stored["receipts"], words, set(stored["known"]))
