"""What a deed over a whole programme concerns: providers with sheets to claim, claims without an act or a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from qosymsha.domain.attendance.states import SheetState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.office import LOOK, settled_programmes
from qosymsha.domain.settlement.rules.pay import RELEASE
from qosymsha.kernel.actor import Actor, require


class Drawable(NamedTuple):
    """A provider that a draw concerns: it has sheets for payment and a contract without a claim of the month
    (`is_open`; whether anything is left to claim in them, the draw itself says), or its claim of the month is there.

    total, open: how many there are in all, and open.
    """

    provider_id: int
    is_open: bool
    total: int
    open: int


class Whole(NamedTuple):
    """Claims of a programme that one deed would take, oldest first: ids, numbers; what they come to (tiyn)."""

    programme_id: int
    ids: list[int]
    numbers: list[str]
    tiyn: int


_DRAWABLE = """
WITH found AS (
    SELECT provider_id, bool_or(is_open) AS is_open FROM (
        SELECT k.provider_id, true AS is_open FROM contract k
         WHERE k.programme_id = %(programme)s AND (%(lines)s::bigint[] IS NULL OR k.line_id = ANY (%(lines)s))
           AND NOT EXISTS (SELECT FROM claim c WHERE c.contract_id = k.id AND c.month = %(month)s
                              AND c.state <> 'reversed')
           AND EXISTS (SELECT FROM club_group g JOIN month_sheet s ON s.group_id = g.id
                        WHERE g.contract_id = k.id AND s.state = %(sheet)s AND s.month <= %(month)s)
        UNION ALL
        SELECT c.provider_id, false FROM claim c
         WHERE c.programme_id = %(programme)s AND c.month = %(month)s AND c.state <> 'reversed'
           AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s))) y GROUP BY 1)
SELECT p.id, f.is_open, (count(*) OVER ())::int, (count(*) FILTER (WHERE f.is_open) OVER ())::int
  FROM found f JOIN provider p ON p.id = f.provider_id
 WHERE %(numbers)s::text[] IS NULL OR p.number = ANY (%(numbers)s)
 ORDER BY f.is_open DESC, p.name, p.id LIMIT %(most)s OFFSET %(after)s"""

_ACTLESS = """
SELECT c.programme_id, array_agg(c.id ORDER BY c.month, c.id), array_agg(c.number ORDER BY c.month, c.id),
       sum(c.amount_tiyn)::bigint
  FROM claim c
 WHERE c.programme_id = %(programme)s AND c.state = 'drawn'
   AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s))
   AND (%(numbers)s::text[] IS NULL OR c.number = ANY (%(numbers)s))
   AND NOT EXISTS (SELECT FROM service_act a WHERE a.claim_id = c.id AND a.state <> 'refused') GROUP BY 1"""

_RELEASED = """
SELECT c.programme_id, array_agg(c.id ORDER BY c.month, c.id), array_agg(c.number ORDER BY c.month, c.id),
       sum(c.amount_tiyn - c.offset_tiyn)::bigint
  FROM claim c
 WHERE c.programme_id = ANY (%(programmes)s) AND c.state = 'approved'
   AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s))
   AND EXISTS (SELECT FROM claim_approval a WHERE (a.claim_id, a.turn, a.step) = (c.id, c.turn, %(step)s))
 GROUP BY 1 ORDER BY min(c.month), min(c.id)"""


def drawable_providers(  # noqa: PLR0913 - whose, where, which month, which of them, which stretch
    *,
    actor: Actor,
    programme: ProgrammeFacts,
    month: date,
    numbers: Sequence[str] | None = None,
    after: int = 0,
    most: int | None = None,
) -> list[Drawable]:
    """Providers that a draw of the month concerns, those with sheets for payment first, by name; nothing is summed.

    Raises:
        Forbidden: the actor may not draw there.
    """
    require(actor, Action.DRAW_CLAIMS, ALLOWED, territory_id=programme.territory_id)
    asked = {
        "programme": programme.id,
        "month": month,
        "sheet": SheetState.FOR_PAYMENT.value,
        "lines": programmes.own_lines(actor, ALLOWED[Action.DRAW_CLAIMS]),
        "numbers": None if numbers is None else list(numbers),
        "after": after,
        "most": most,
    }
    return [Drawable(*row) for row in rows(_DRAWABLE, asked)]


def actless_claims(*, actor: Actor, programme: ProgrammeFacts, numbers: Sequence[str] | None = None) -> Whole:
    """Drawn claims of a programme without an act, of these numbers or all.

    Raises:
        Forbidden: the actor may not draw acts there.
    """
    require(actor, Action.DRAW_ACTS, ALLOWED, territory_id=programme.territory_id)
    asked = {
        "programme": programme.id,
        "lines": programmes.own_lines(actor, ALLOWED[Action.DRAW_ACTS]),
        "numbers": None if numbers is None else list(numbers),
    }
    found = [Whole(*row) for row in rows(_ACTLESS, asked)]
    return found[0] if found else Whole(programme.id, [], [], 0)


def released_claims(*, actor: Actor) -> list[Whole]:
    """Claims that two people signed and no file holds yet, of each programme the actor may look at that has any."""
    asked = {
        "programmes": [p.id for p in settled_programmes(actor)],
        "lines": programmes.own_lines(actor, LOOK),
        "step": RELEASE,
    }
    return [Whole(*row) for row in rows(_RELEASED, asked)]
