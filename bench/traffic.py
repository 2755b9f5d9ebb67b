"""Traffic for the benches and the fault runs: HTTP/1.1 over kept connections, cheap enough to share a core.

Two ways to send. Closed loop: so many clients, each sends when it has its answer; shows what a server can do. Open
loop: requests leave at their planned times whether or not others were answered; a request's seconds count from its
planned time, so that a server that stalls can't hide it by slowing its clients down.

    jobs = [post("/ru/family/apply/…/", fields, cookies) for …]
    outcomes = open_loop(("127.0.0.1", 8000), jobs, rate=400, again=patient())

A job that has to be sent again is sent byte for byte, with its key: that is what a browser that kept its key does.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

Address = tuple[str, int]
PATIENCE = 60.0
_MOST_CONNECTIONS = 4_000


@dataclass(frozen=True, slots=True)
class Job:
    """A request as it goes over the wire, with a label to tell kinds of requests apart."""

    raw: bytes
    label: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: `status` of the last try (0: no answer), seconds from its planned time to that answer.

    `left` is the planned time on this process's monotonic clock; `tries` counts every sending; `statuses` of all tries.
    """

    job: Job
    status: int
    location: str
    seconds: float
    left: float
    tries: int
    statuses: tuple[int, ...]
    retry_after: str = ""
    body: bytes = b""


# Asked after each try: seconds to wait before the next one, or None to let it be.
Again = Callable[[Outcome], float | None]


def post(path: str, fields: Mapping[str, str], cookies: Mapping[str, str], label: str = "") -> Job:
    """A form sent by a signed-in browser."""
    body = urlencode(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{_cookie(cookies)}Content-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    return Job(head.encode() + body, label)


def get(path: str, cookies: Mapping[str, str] | None = None, label: str = "") -> Job:
    """A page asked for."""
    return Job(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{_cookie(cookies or {})}\r\n".encode(), label)


def _cookie(cookies: Mapping[str, str]) -> str:
    return f"Cookie: {'; '.join(f'{k}={v}' for k, v in cookies.items())}\r\n" if cookies else ""


def patient(tries: int = 60, pause: float = 0.5, statuses: frozenset[int] = frozenset({0, 500, 502, 503})) -> Again:
    """Send again what was not answered, failed or was told to come back: after Retry-After, else after a pause."""

    def again(outcome: Outcome) -> float | None:
        if outcome.status not in statuses or outcome.tries >= tries:
            return None
        told = float(outcome.retry_after) if outcome.retry_after.isdigit() else pause
        return told * random.uniform(0.8, 1.2)  # noqa: S311 - so that those sent away do not come back as one

    return again


def closed_loop(
    address: Address, jobs: Iterable[Job], clients: int, *, again: Again | None = None, bodies: bool = False
) -> list[Outcome]:
    """Play the jobs by so many clients, each one job at a time; the outcomes stand in the order they came."""

    async def play() -> list[Outcome]:
        sender, waiting, outcomes = _Sender(address, again, bodies), iter(jobs), []

        async def client() -> None:
            for job in waiting:
                outcomes.append(await sender.settle(job, time.monotonic()))

        await asyncio.gather(*(client() for _ in range(clients)))
        sender.close()
        return outcomes

    return asyncio.run(play())


def open_loop(
    address: Address, jobs: Sequence[Job], rate: float, *, again: Again | None = None, bodies: bool = False
) -> list[Outcome]:
    """Let the jobs leave `rate` a second, evenly; the outcomes stand in the order of the jobs."""
    return mixed_loop([(address, jobs, rate)], again=again, bodies=bodies)[0]


def mixed_loop(
    streams: Sequence[tuple[Address, Sequence[Job], float]], *, again: Again | None = None, bodies: bool = False
) -> list[list[Outcome]]:
    """Several open loops at once, each with its own address and rate: a list of outcomes for each, in order of jobs."""

    async def play() -> list[list[Outcome]]:
        senders = [_Sender(address, again, bodies) for address, _, _ in streams]
        start = time.monotonic() + 0.05
        leaving = (_leave(one, jobs, rate, start) for one, (_, jobs, rate) in zip(senders, streams, strict=True))
        found = await asyncio.gather(*leaving)
        for one in senders:
            one.close()
        return found

    return asyncio.run(play())


async def _leave(sender: _Sender, jobs: Sequence[Job], rate: float, start: float) -> list[Outcome]:
    tasks = []
    for n, job in enumerate(jobs):
        planned = start + n / rate
        if (wait := planned - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        elif n % 64 == 0:
            await asyncio.sleep(0)  # late ourselves: let answers be read too
        tasks.append(asyncio.ensure_future(sender.settle(job, planned)))
    return list(await asyncio.gather(*tasks))


class _Sender:
    """Connections to one address: an idle one is used again, a new one is opened when none is idle."""

    def __init__(self, address: Address, again: Again | None, bodies: bool) -> None:
        self._address, self._again, self._bodies = address, again, bodies
        self._idle: deque[_Line] = deque()  # the longest idle first: so all workers' lines are in use
        self._room = asyncio.Semaphore(_MOST_CONNECTIONS)

    async def settle(self, job: Job, planned: float) -> Outcome:
        """Send the job until it is answered or given up; seconds count from `planned`."""
        statuses: tuple[int, ...] = ()
        while True:
            answer = await self._once(job.raw)
            statuses += (answer.status,)
            seconds, body = time.monotonic() - planned, answer.body if self._bodies else b""
            outcome = Outcome(
                job, answer.status, answer.location, seconds, planned, len(statuses), statuses, answer.retry_after, body
            )
            wait = self._again(outcome) if self._again is not None else None
            if wait is None:
                return outcome
            await asyncio.sleep(wait)

    async def _once(self, raw: bytes) -> _Answer:
        async with self._room:
            for is_fresh in (False, True):
                line = await self._line(is_fresh)
                if line is None:
                    return _NOTHING
                try:
                    answer = await asyncio.wait_for(line.ask(raw), PATIENCE)
                except (OSError, TimeoutError):
                    line.close()
                    if line.used and not line.heard:
                        continue  # a kept connection that the server had closed meanwhile: a fresh one, at once
                    return _NOTHING
                if line.is_open:
                    self._idle.append(line)
                return answer
        return _NOTHING

    async def _line(self, is_fresh: bool) -> _Line | None:
        while self._idle and not is_fresh:
            line = self._idle.popleft()
            if line.is_open:
                line.used = True
                return line
        try:
            loop = asyncio.get_running_loop()
            return (await asyncio.wait_for(loop.create_connection(_Line, *self._address), PATIENCE))[1]
        except (OSError, TimeoutError):
            return None

    def close(self) -> None:
        """Hang up."""
        for line in self._idle:
            line.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str = ""
    retry_after: str = ""
    body: bytes = b""


_NOTHING = _Answer(0)


class _Line(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self) -> None:
        self.is_open, self.used, self.heard = False, False, False
        self._buffer = bytearray()
        self._waiting: asyncio.Future[_Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the line stands."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.is_open = transport, True

    def ask(self, raw: bytes) -> Awaitable[_Answer]:
        """Send a request; the answer comes by the future."""
        assert self._transport is not None
        self._buffer.clear()
        self.heard = False
        self._waiting = asyncio.get_running_loop().create_future()
        if not self.is_open:  # hung up between its opening and now: nobody would ever tell
            self._waiting.set_exception(ConnectionResetError("the server hung up"))
        self._transport.write(raw)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """asyncio: some bytes of the answer."""
        self.heard = True
        self._buffer += data
        answer = _read(self._buffer)
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the server hung up, or died."""
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError("the server hung up"))

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()


def _read(buffer: bytearray) -> _Answer | None:
    """The answer if it is whole: by its length, or by its chunks."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = buffer[:end].decode("latin-1").split("\r\n")
    status = int(lines[0][9:12])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = _chunks(buffer, end + 4)
    else:
        length = int(headers.get("content-length", "0"))
        body = bytes(buffer[end + 4 : end + 4 + length]) if len(buffer) >= end + 4 + length else None
    if body is None:
        return None
    return _Answer(status, headers.get("location", ""), headers.get("retry-after", ""), body)


def _chunks(buffer: bytearray, at: int) -> bytes | None:
    parts: list[bytes] = []
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(buffer[at:end].split(b";")[0], 16)
        at = end + 2 + size + 2
        if len(buffer) < at:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(buffer[end + 2 : end + 2 + size]))


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures; seconds by share of the requests, `rate` what was really answered a second."""

    count: int
    statuses: dict[int, int]
    rate: float
    p50: float
    p95: float
    p99: float
    most: float
    tries: int

    @property
    def is_answered(self) -> bool:
        """Every request has an answer, and none is a fault of the server."""
        return all(0 < status < 500 for status in self.statuses)


def summary(outcomes: Sequence[Outcome]) -> Summary:
    """The figures of a run."""
    seconds = sorted(outcome.seconds for outcome in outcomes)
    first = min(outcome.left for outcome in outcomes)
    last = max(outcome.left + outcome.seconds for outcome in outcomes)

    def share(part: float) -> float:
        return seconds[min(len(seconds) - 1, int(part * len(seconds)))]

    return Summary(
        count=len(outcomes),
        statuses=dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
        rate=len(outcomes) / max(last - first, 1e-9),
        p50=share(0.5),
        p95=share(0.95),
        p99=share(0.99),
        most=seconds[-1],
        tries=sum(outcome.tries for outcome in outcomes),
    )
