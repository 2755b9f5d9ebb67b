"""A treasury that behaves badly on purpose, the same way for the same seed: late, twice, shuffled, about strangers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.integrations.treasury.messages import OrderedLine, read_order, read_replies, write_replies

_REASONS = ("AC04", "AC01", "BE04", "AM05")  # account closed, unknown, no address, said twice: ISO 20022 codes


@dataclass(frozen=True, slots=True)
class Manners:
    """How often, in permille of the lines, the fake does what real ones do. Each line gets its final word."""

    rejected: int = 15
    returned: int = 3
    repeated: int = 50
    late: int = 100
    stranger: int = 3
    other_amount: int = 3


@dataclass(frozen=True, slots=True)
class _Word:
    """A reply and from which asking on it is said."""

    turn: int
    reply: Reply


class FakeTreasury:
    """Holds its memory in this process. What it says follows from `seed` and our line ids, never from the clock."""

    def __init__(self, seed: int = 0, manners: Manners | None = None) -> None:
        self._seed = seed
        self._manners = manners or Manners()
        self._receipts: dict[bytes, str] = {}
        self._words: list[_Word] = []
        self._known: set[str] = set()
        self._asked = 0

    def send(self, content: bytes, content_hash: bytes) -> str:
        """Take a file, once per hash."""
        assert hashlib.sha256(content).digest() == content_hash, "the hash is the content's"
        if content_hash not in self._receipts:
            self._receipts[content_hash] = f"FAKE-{content_hash.hex()[:16]}"
            for line in read_order(content):
                self._words += self._words_about(line)
        return self._receipts[content_hash]

    def replies(self) -> list[Reply]:
        """What is due and not acknowledged, shuffled, some of it twice; read back from the messages it would send."""
        return [reply for message in self.messages() for reply in read_replies(message)]

    def messages(self) -> list[bytes]:
        """The same as the bytes of pain.002 and camt.054."""
        self._asked += 1
        due = [w.reply for w in self._words if w.turn <= self._asked and w.reply.reference not in self._known]
        said = [r for r in due for _ in range(1 + self._happens("repeated", r.reference, self._manners.repeated))]
        said.sort(key=lambda r: self._draw("order", f"{self._asked} {r.reference}"))
        return write_replies(said, number=f"FAKE-{self._asked}", created="2026-01-01T00:00:00Z")

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """Say these no more."""
        self._known |= {reply.reference for reply in replies}

    def _words_about(self, line: OrderedLine) -> list[_Word]:
        key, manners = line.end_to_end_id, self._manners
        turn = self._asked + 1 + self._happens("late", key, manners.late)
        words: list[_Word] = []
        if self._happens("stranger", key, manners.stranger):
            words.append(_Word(turn, self._reply(line, ReplyStatus.ACCEPTED, of=f"X-{self._reference('x', key)}")))
        if self._happens("other_amount", key, manners.other_amount):
            words.append(_Word(turn, self._reply(line, ReplyStatus.ACCEPTED, amount_tiyn=line.amount_tiyn + 1)))
        if self._happens("rejected", key, manners.rejected):
            return [*words, _Word(turn, self._reply(line, ReplyStatus.REJECTED))]
        words.append(_Word(turn, self._reply(line, ReplyStatus.ACCEPTED)))
        if self._happens("returned", key, manners.returned):
            words.append(_Word(turn, self._reply(line, ReplyStatus.RETURNED)))
        return words

    def _reply(
        self, line: OrderedLine, status: ReplyStatus, *, of: str | None = None, amount_tiyn: int | None = None
    ) -> Reply:
        amount = line.amount_tiyn if amount_tiyn is None else amount_tiyn
        key = of or line.end_to_end_id
        reason = "" if status is ReplyStatus.ACCEPTED else _REASONS[self._draw("reason", key) % len(_REASONS)]
        return Reply(self._reference(f"{status} {amount}", key), key, status, amount, reason)

    def _reference(self, what: str, key: str) -> str:
        return hashlib.sha256(f"{self._seed} {what} {key}".encode()).hexdigest()[:24].upper()

    def _happens(self, what: str, key: str, permille: int) -> bool:
        return self._draw(what, key) % 1000 < permille

    def _draw(self, what: str, key: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._seed} {what} {key}".encode()).digest()[:8], "big")
