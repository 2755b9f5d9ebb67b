"""What the verbs of this room decide by: rounds, and facts about many wishes in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import QuerySet

from qosymsha.domain.admission.models import RUNNING_ROUND, Application, Round
from qosymsha.domain.admission.rules import AdmissionRefusal, FilingFacts, age_day, age_on, slot_of
from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.vouchers.models import LIVE_VOUCHER
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_SUBMITTED = """
SELECT id, line_id, child_id, guardian_id, kind, slot, age, submitted_at FROM application
 WHERE round_id = %s AND state = 'submitted' AND line_id > %s ORDER BY line_id LIMIT %s"""
_WAITING = """
SELECT a.id, a.line_id, a.child_id, a.guardian_id, a.kind, a.slot, a.age, a.submitted_at
  FROM outcome o JOIN application a ON a.id = o.application_id
 WHERE o.round_id = %s AND o.segment = %s AND o.result = 'waiting' AND a.state = 'waiting' ORDER BY o.rank LIMIT %s"""

# One index probe per id, whatever the planner believes (OFFSET 0 keeps the order of the join): with old statistics, as
# in a round's first hours, it would compare each row of the table with each id.
_LIVE = """
SELECT a.child_id, a.slot, a.id, a.state, a.round_id FROM unnest(%s::bigint[]) AS t(id), LATERAL (
       SELECT * FROM application WHERE child_id = t.id AND programme_id = %s AND is_live OFFSET 0) a"""
_LOCAL = """
SELECT c.id FROM unnest(%s::bigint[]) AS t(id), LATERAL (
       SELECT id FROM child WHERE id = t.id AND territory_id = %s OFFSET 0) c"""
_HOLDING = """
SELECT v.child_id, v.slot FROM unnest(%s::bigint[]) AS t(id), LATERAL (
       SELECT child_id, slot FROM voucher WHERE child_id = t.id AND programme_id = %s AND state = ANY(%s) OFFSET 0) v"""


# Who waited elsewhere and filed here: the last step of the application left behind says so.
_LEFT = """
SELECT e.id FROM unnest(%s::bigint[]) AS t(id) JOIN application a ON a.id = t.id
  JOIN application e ON e.child_id = a.child_id AND e.programme_id = a.programme_id AND e.slot = a.slot
       AND e.state = 'ended'
  JOIN LATERAL (SELECT from_state, cause FROM application_history h WHERE h.application_id = e.id
                 ORDER BY h.seq DESC LIMIT 1) h ON h.from_state = 'waiting' AND h.cause = %s
 ORDER BY e.id"""


@dataclass(frozen=True, slots=True)
class Filed:
    """An application as close and refill look at it again."""

    id: int
    line_id: bytes
    child_id: int
    guardian_id: int
    kind: str
    slot: str
    age: int
    arrived: int  # microseconds since 1970, decides only where a rule set ties by arrival


@dataclass(frozen=True, slots=True)
class Wish:
    """Who files for whom, for what kind of lessons."""

    guardian_id: int
    child_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Live:
    """A child's live application in a slot."""

    id: int
    state: str
    round_id: int


def round_of(round_id: int) -> Round:
    """The round, unlocked.

    Raises:
        Refused: `unknown_round`.
    """
    found = Round.objects.filter(pk=round_id).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, round_id=round_id)
    return found


def round_numbered(number: str) -> Round:
    """The round of a human number; how the doors name rounds.

    Raises:
        Refused: `unknown_round`.
    """
    found = Round.objects.filter(number=number.strip().upper()).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, number=number)
    return found


def has_running_round(programme_id: int) -> bool:
    """Whether a round of the programme is open, closed or drawn: then money waits for it."""
    return Round.objects.filter(programme_id=programme_id, state__in=RUNNING_ROUND).exists()


def waiting_elsewhere(programme_id: int, round_id: int) -> list[int]:
    """Applications of the programme that still wait from other rounds."""
    return list(_waiting_elsewhere(programme_id, round_id).order_by("id").values_list("id", flat=True))


def waiting_elsewhere_count(programme_id: int, round_id: int) -> int:
    """How many they are."""
    return _waiting_elsewhere(programme_id, round_id).count()


def _waiting_elsewhere(programme_id: int, round_id: int) -> QuerySet[Application]:
    """By the rounds that can have a waiting list, so that those of this round, however many, are not looked at."""
    others = Round.objects.filter(programme_id=programme_id, state__in=[RoundState.ALLOCATED, RoundState.PUBLISHED])
    ids = list(others.exclude(pk=round_id).values_list("pk", flat=True))
    return Application.objects.filter(round_id__in=ids, state=ApplicationState.WAITING)


def undrawn(round_id: int) -> list[int]:
    """Applications of a round that still hope for its draw."""
    states = (ApplicationState.SUBMITTED, ApplicationState.CHECKED)
    found = Application.objects.filter(round_id=round_id, state__in=states)
    return list(found.order_by("id").values_list("id", flat=True))


def left_by_filing(the_round: Round, application_ids: Sequence[int]) -> list[int]:
    """The applications on earlier waiting lists that ended because these were filed in `the_round`."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, [list(application_ids), f"filed_again:{the_round.number}"])
        return [i for (i,) in cursor.fetchall()]


def submitted_after(round_id: int, line_id: bytes, limit: int) -> list[Filed]:
    """The next submitted applications of a round in the order of line ids, after `line_id`."""
    return _filed(_SUBMITTED, (round_id, line_id, limit))


def submitted_count(round_id: int) -> int:
    """How many applications of a round its close will look at."""
    return Application.objects.filter(round_id=round_id, state=ApplicationState.SUBMITTED).count()


def next_waiting(round_id: int, segment: str, limit: int) -> list[Filed]:
    """Who waits in a segment, best rank first."""
    return _filed(_WAITING, (round_id, segment, limit))


def _filed(sql: str, parameters: tuple[int, bytes, int] | tuple[int, str, int]) -> list[Filed]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [
            Filed(i, bytes(line), child, guardian, kind, slot, age, int(at.timestamp()) * 1_000_000 + at.microsecond)
            for i, line, child, guardian, kind, slot, age, at in cursor.fetchall()
        ]


def ages(the_round: Round, rules: Rules, child_ids: Sequence[int], filed_on: date) -> dict[int, int]:
    """Each child's age in whole years on the day the rule set counts; children without a birth date are left out."""
    day = age_day(rules, filed_on=filed_on, first_month=the_round.first_month)
    return {child: age_on(born_on, day) for child, born_on in people.birth_dates(child_ids).items()}


def live_applications(programme_id: int, child_ids: Iterable[int]) -> dict[tuple[int, str], Live]:
    """The live application of each child and slot."""
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [list(child_ids), programme_id])
        rows = cursor.fetchall()
    return {(child, slot): Live(i, state, round_id) for child, slot, i, state, round_id in rows}


def filing_facts(  # noqa: PLR0913 - what three rooms know about a wish meets here
    the_round: Round,
    rules: Rules,
    wishes: Sequence[Wish],
    *,
    on: date,
    ages: Mapping[int, int],
    live: Mapping[tuple[int, str], Live],
) -> list[FilingFacts]:
    """One `FilingFacts` per wish, in their order; three queries however many. Pass no `live` to look again later."""
    children = [wish.child_id for wish in wishes]
    wards = people.wards([(wish.guardian_id, wish.child_id) for wish in wishes], on)
    with connection.cursor() as cursor:
        cursor.execute(_LOCAL, [children, the_round.territory_id])
        local = {child_id for (child_id,) in cursor.fetchall()}
        cursor.execute(_HOLDING, [children, the_round.programme_id, LIVE_VOUCHER])
        holding = set(cursor.fetchall())
    slots = {kind: slot_of(rules, kind) for kind in {wish.kind for wish in wishes}}
    found = []
    for wish in wishes:
        slot = slots[wish.kind]
        entitlement = (wish.child_id, slot or "")
        found.append(
            FilingFacts(
                is_ward=(wish.guardian_id, wish.child_id) in wards,
                is_local=wish.child_id in local,
                slot=slot,
                age=ages.get(wish.child_id),
                holds_voucher=entitlement in holding,
                has_filed=entitlement in live and not is_past(live[entitlement], the_round.id),
            )
        )
    return found


def is_past(live: Live, round_id: int) -> bool:
    """Whether an earlier round's application gives way to one filed now: it waits, or its voucher is no longer live."""
    return live.round_id != round_id and live.state in (ApplicationState.WAITING, ApplicationState.GRANTED)


def seen_again(the_round: Round, rules: Rules, filed: Sequence[Filed], *, on: date) -> list[FilingFacts]:
    """Facts of applications filed earlier, as they are on `on`; the age stays the one counted at filing."""
    wishes = [Wish(row.guardian_id, row.child_id, row.kind) for row in filed]
    return filing_facts(the_round, rules, wishes, on=on, ages={row.child_id: row.age for row in filed}, live={})


def cut_off_day(the_round: Round) -> date:
    """The local day of the round's cut-off: what certificates and guardianships are looked at on."""
    return local_day(the_round.closes_at)
