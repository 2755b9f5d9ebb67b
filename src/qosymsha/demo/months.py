"""A month: promised, taught, marked, confirmed, claimed, approved twice, paid, answered by the treasury, closed."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta

from qosymsha.demo import presence
from qosymsha.demo.world import STAGE_HAND, World, chunks
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.commands import marks as marking
from qosymsha.domain.attendance.commands import sessions, sheets
from qosymsha.domain.attendance.queries import RowFacts
from qosymsha.domain.attendance.rules import Decision, MarkRow, SessionFacts, Word
from qosymsha.domain.attendance.states import MarkValue, SheetState, WordState
from qosymsha.domain.people import queries as people
from qosymsha.domain.settlement import queries as settlement
from qosymsha.domain.settlement.commands import claims, closes, files, replies, signatures
from qosymsha.domain.settlement.rules.payment_file import Payer
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.commands import money
from qosymsha.domain.vouchers.queries import EnrolmentFacts
from qosymsha.kernel.clock import next_month

PROVIDERS_PER_BATCH = 20
APPROVERS = ("approver", "second-approver")
PAYER = Payer("Akimat of the demo city", "251340000003", "KZ699990000000000001", "TESTKZKA")
LATE_EVERY = 9  # one provider in so many tries to mark after its sheet has left
SILENT_PERMILLE, DISPUTING_PERMILLE = 70, 15
OFFICER_DECIDES_PERMILLE, OFFICER_GRANTS_PERMILLE = 800, 750
MARKS = ((900, MarkValue.PRESENT), (45, MarkValue.ILL), (25, MarkValue.EXCUSED), (30, MarkValue.ABSENT))
_VALUES = tuple(value for permille, value in MARKS for _ in range(permille // 5))
REASONS = ("we were away that day", "the lesson did not take place")


def begin(world: World, month: date) -> None:
    """Promise the month's money for every place and make its lessons from the timetables."""
    at = world.at(month, 8)
    money.promise_month(
        actor=STAGE_HAND, programme_id=world.programme_id, month=month, at=at, key=world.key("promise", month)
    )
    for provider_id in world.facts["providers"]:
        sessions.plan_sessions(
            actor=STAGE_HAND, provider_id=provider_id, month=month, at=at, key=world.key("plan", month, provider_id)
        )


def teach(world: World, month: date) -> None:
    """Hold and mark the lessons, send the sheets to the parents."""
    for done, provider_id in enumerate(world.facts["providers"]):
        _mark(world, provider_id, month, next_month(month))
        world.say(f"lessons {month:%m}", done + 1, len(world.facts["providers"]))


def _mark(world: World, provider_id: int, month: date, after: date) -> None:
    manager, draw = world.actors[f"provider {provider_id}"], random.Random(f"{world.seed} {month} {provider_id}")
    held = attendance.sessions_of(provider_id, month)
    places = vouchers.enrolments_of_groups(sorted({s.group_id for s in held}), month)
    marks = marks_of(held, places, draw, presence.seen(world), presence.ghosts(world, provider_id, held))
    at = world.at(after, 9)
    outcomes = marking.mark_sessions(
        actor=manager, provider_id=provider_id, marks=marks, at=at, key=world.key("mark", month, provider_id)
    )
    world.accepted(outcomes)
    outcomes = sheets.send_sheets(
        actor=manager, provider_id=provider_id, month=month, at=at, key=world.key("send", month, provider_id)
    )
    world.accepted(outcomes)
    if provider_id % LATE_EVERY == 0:
        _mark_late(world, provider_id, month, marks[:1])


def _mark_late(world: World, provider_id: int, month: date, marks: Sequence[MarkRow]) -> None:
    """A teacher wants to change a mark after the sheet has left: refused, the sheet is locked."""
    outcomes = marking.mark_sessions(
        actor=world.actors[f"provider {provider_id}"],
        provider_id=provider_id,
        marks=[replace(mark, value=MarkValue.EXCUSED) for mark in marks],
        at=world.at(next_month(month), 15),
        key=world.key("late", month, provider_id),
    )
    world.accepted(outcomes)


def marks_of(
    held: Sequence[SessionFacts],
    places: Sequence[EnrolmentFacts],
    draw: random.Random,
    seen: Collection[tuple[int, int]],
    ghosts: Collection[int],
) -> list[MarkRow]:
    """A mark a child and lesson; `seen` were scanned in at the door, groups of `ghosts` are always full on paper."""
    by_group: dict[int, list[EnrolmentFacts]] = {}
    for place in places:
        by_group.setdefault(place.group_id, []).append(place)
    return [
        MarkRow(lesson.id, place.id, _value(lesson, place, draw, seen, ghosts))
        for lesson in held
        for place in by_group.get(lesson.group_id, ())
        if place.starts_on <= lesson.on and (place.ends_on is None or lesson.on <= place.ends_on)
    ]


def _value(
    lesson: SessionFacts,
    place: EnrolmentFacts,
    draw: random.Random,
    seen: Collection[tuple[int, int]],
    ghosts: Collection[int],
) -> MarkValue:
    value = draw.choice(_VALUES)
    is_here = (lesson.id, place.id) in seen or lesson.group_id in ghosts
    return MarkValue.PRESENT if is_here else value


def confirm(world: World, month: date, decided_permille: int = OFFICER_DECIDES_PERMILLE) -> None:
    """Guardians confirm, few dispute, some are silent; after the rule's days an officer decides most of those."""
    day = next_month(month)
    for number, batch in enumerate(chunks(world.facts["providers"], PROVIDERS_PER_BATCH)):
        at = world.at(day + timedelta(days=2), 19)
        ids = sheet_ids(world, month, batch, (SheetState.WITH_PARENTS,))
        app = world.actors["app"]
        rows = attendance.rows_of_sheets(actor=app, sheet_ids=ids, at=at, words=(WordState.SILENT,))
        words = words_of(world, rows, at.date(), number, presence.ghost_sheets(world, month, batch))
        world.accepted(sheets.confirm_rows(actor=app, words=words, at=at, key=world.key("words", month, number)))
        at = world.at(day + timedelta(days=15), 10)
        _decide(world, ids, f"{month} {number}", decided_permille)
        outcomes = sheets.approve_sheets(
            actor=world.actors["officer"], sheet_ids=ids, at=at, key=world.key("sheets", month, number)
        )
        world.accepted(outcomes)


def sheet_ids(world: World, month: date, provider_ids: Sequence[int], states: Sequence[str]) -> list[int]:
    """The sheets of a month in these states."""
    found = [
        sheet
        for provider_id in provider_ids
        for sheet in attendance.sheets(world.programme_id, month, states, provider_id)
    ]
    return [sheet.id for sheet in found]


def words_of(world: World, rows: Sequence[RowFacts], today: date, number: int, ghosts: Collection[int]) -> list[Word]:
    """What guardians say; in the sheets of `ghosts` the provider's own phone says yes for all of them."""
    draw = random.Random(f"words {world.seed} {today} {number}")
    guardians = people.guardians_of([row.child_id for row in rows], today)
    words = []
    for row in rows:
        luck = draw.randrange(1000)
        guardian = guardians[row.child_id][0]
        if row.sheet_id in ghosts:
            words.append(Word(row.id, guardian, WordState.CONFIRMED, trace=presence.GHOST_PHONE))
        elif luck < SILENT_PERMILLE:
            continue
        elif luck < SILENT_PERMILLE + DISPUTING_PERMILLE:
            words.append(Word(row.id, guardian, WordState.DISPUTED, draw.choice(REASONS)))
        else:
            words.append(Word(row.id, guardian, WordState.CONFIRMED))
    return words


def decide_rest(world: World, months: Sequence[date]) -> None:
    """Before the last claim: no row and no red flag of the year stays undecided."""
    world.at(next_month(months[-1]) + timedelta(days=15), 11)
    presence.resolve(world, months, 1000)
    for month in months:
        for number, batch in enumerate(chunks(world.facts["providers"], PROVIDERS_PER_BATCH)):
            ids = sheet_ids(world, month, batch, (SheetState.WITH_PARENTS, SheetState.FOR_PAYMENT))
            _decide(world, ids, f"rest {month} {number}", 1000)


def _decide(world: World, sheet_ids: Sequence[int], name: str, permille: int) -> None:
    draw, checker = random.Random(f"decisions {world.seed} {name}"), world.actors["checker"]
    open_words = (WordState.SILENT, WordState.DISPUTED)
    rows = attendance.rows_of_sheets(actor=checker, sheet_ids=sheet_ids, at=world.now, words=open_words)
    decisions = [
        Decision(row.id, draw.randrange(1000) < OFFICER_GRANTS_PERMILLE, "register of the point, call noted")
        for row in rows
        if draw.randrange(1000) < permille
    ]
    outcomes = sheets.decide_rows(actor=checker, decisions=decisions, at=world.now, key=world.key("decide", name))
    world.accepted(outcomes)


def settle(world: World, month: date) -> None:
    """Judge the month, draw the claims, have them signed by two people, pay, hear the treasury, close the month."""
    day = next_month(month)
    presence.screen(world, month)
    for number, batch in enumerate(chunks(world.facts["providers"], PROVIDERS_PER_BATCH)):
        outcomes = claims.draw_claims(
            actor=STAGE_HAND,
            programme_id=world.programme_id,
            provider_ids=batch,
            month=month,
            at=world.at(day + timedelta(days=15), 12),
            key=world.key("claims", month, number),
        )
        world.accepted(outcomes)
    drawn = settlement.claims_in_state(world.programme_id, "drawn")
    _sign(world, [*_give_back(world, month), *drawn], month)
    pay(world, day + timedelta(days=17), f"pay {month}")
    at = world.at(day + timedelta(days=20), 18)
    closes.close_month(
        actor=world.actors["payer"], programme_id=world.programme_id, month=month, at=at, key=world.key("close", month)
    )


def _sign(world: World, claim_ids: Sequence[int], month: date) -> None:
    """Approvals until the band is content, each by another official, then the payer's release."""
    day, pending, ready = next_month(month), list(claim_ids), list[int]()
    for step, name in enumerate(APPROVERS):
        outcomes = signatures.approve_claims(
            actor=world.actors[name],
            programme_id=world.programme_id,
            claim_ids=pending,
            at=world.at(day + timedelta(days=15), 14 + step),
            key=world.key("approve", name, month),
        )
        signed = world.accepted(outcomes)
        ready += [o.id for o in signed if o.id is not None and o.detail == "approved"]
        pending = [o.id for o in signed if o.id is not None and o.detail != "approved"]
    outcomes = signatures.release_claims(
        actor=world.actors["payer"],
        programme_id=world.programme_id,
        claim_ids=ready,
        at=world.at(day + timedelta(days=16), 10),
        key=world.key("release", month),
    )
    world.accepted(outcomes)


def _give_back(world: World, month: date) -> list[int]:
    """Claims that the treasury rejected: the provider has mended its account, new signatures are needed."""
    outcomes = signatures.return_claims(
        actor=world.actors["approver"],
        programme_id=world.programme_id,
        claim_ids=settlement.claims_in_state(world.programme_id, "held"),
        reason="account confirmed by the provider",
        at=world.at(next_month(month) + timedelta(days=15), 13),
        key=world.key("give back", month),
    )
    return [o.id for o in world.accepted(outcomes) if o.id is not None]


def pay(world: World, day: date, name: str) -> None:
    """One file to the treasury, its receipt kept, its replies applied; rejected claims get new signatures next time."""
    payer, programme = world.actors["payer"], world.programme_id
    drawn = files.draw_payment_file(
        actor=payer,
        programme_id=programme,
        payer=PAYER,
        pay_on=day,
        at=world.at(day, 9),
        key=world.key(name, "file"),
    )
    world.accepted(drawn.rows)
    if drawn.file_id is None:
        return
    sent = files.send_payment_file(
        actor=payer, programme_id=programme, file_id=drawn.file_id, at=world.at(day, 10), key=world.key(name, "send")
    )
    receipt = world.treasury.send(sent.content, sent.content_hash, sent.signature)
    files.keep_receipt(
        actor=payer,
        programme_id=programme,
        file_id=sent.file_id,
        receipt=receipt,
        at=world.at(day, 11),
        key=world.key(name, "receipt"),
    )
    listen(world, day + timedelta(days=1), name)


def listen(world: World, day: date, name: str) -> None:
    """Apply what the treasury says until it says nothing new."""
    for turn in range(10):
        said = world.treasury.replies()
        if not said:
            return
        at = world.at(day, 9 + turn)
        outcomes = replies.apply_replies(actor=STAGE_HAND, replies=said, at=at, key=world.key(name, "replies", turn))
        world.accepted(outcomes)
        world.treasury.acknowledge(said)


def pay_rest(world: World, day: date) -> None:
    """After the last month: what the treasury had rejected is signed anew and sent once more."""
    month = date(day.year, day.month, 1)
    again = _give_back(world, month)
    if again:
        _sign(world, again, month)
        pay(world, next_month(month) + timedelta(days=17), f"pay rest {month}")
