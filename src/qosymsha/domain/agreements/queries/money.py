"""What families pay beside the voucher: charges of groups, receipts, and the budget of a month."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day


class Charge(NamedTuple):
    """What a group asks of a family a month, in tiyn, and what for."""

    group_id: int
    group_uuid: UUID
    code: str
    activity: str
    amount_tiyn: int
    what_for: str


class ReceiptShown(NamedTuple):
    """A payment written down; `cancelled_at` None stands."""

    id: int
    uuid: UUID
    number: str
    enrolment_id: int
    child_id: int
    month: date
    amount_tiyn: int
    paid_on: date
    cancelled_at: datetime | None
    group: str
    provider: str
    name: str = ""


class FamilyMonth(NamedTuple):
    """What a family adds to a voucher in a month, in tiyn: by its contracts, and as clubs wrote it down."""

    month: date
    asked_tiyn: int
    paid_tiyn: int


class Payer(NamedTuple):
    """A place whose contract names a charge: what it is a month, the child's name."""

    enrolment_id: int
    place: UUID
    child_id: int
    group: str
    charge_tiyn: int
    name: str = ""


_CHARGES = """
SELECT g.id, g.uuid, g.code, o.activity_id, coalesce(c.amount_tiyn, 0), coalesce(c.what_for, '') FROM club_group g
  JOIN offering o ON o.id = g.offering_id
  LEFT JOIN LATERAL (SELECT amount_tiyn, what_for FROM group_charge WHERE group_id = g.id ORDER BY id DESC LIMIT 1) c
       ON true WHERE """
_RECEIPTS = """
SELECT r.id, r.uuid, r.number, r.enrolment_id, e.child_id, r.month, r.amount_tiyn, r.paid_on, r.cancelled_at, g.code,
       p.name FROM family_receipt r JOIN enrolment e ON e.id = r.enrolment_id JOIN club_group g ON g.id = e.group_id
  JOIN provider p ON p.id = e.provider_id WHERE """


# A contract asks for each month of its place, up to the one that the voucher's money stands for, or to today's.
_ADDED = """
WITH added AS (
    SELECT f.enrolment_id, m.month::date, f.charge_tiyn AS asked, 0 AS paid
      FROM family_contract f JOIN enrolment e ON e.id = f.enrolment_id,
           generate_series(date_trunc('month', e.starts_on),
                           coalesce(e.ends_on, greatest(e.promised_month, %(today)s)), '1 month') AS m (month)
     WHERE f.child_id = ANY (%(children)s) AND f.charge_tiyn > 0
    UNION ALL
    SELECT r.enrolment_id, r.month, 0, r.amount_tiyn FROM family_receipt r JOIN enrolment e ON e.id = r.enrolment_id
     WHERE e.child_id = ANY (%(children)s) AND r.cancelled_at IS NULL)
SELECT array_agg(DISTINCT e.id), v.uuid, a.month, sum(a.asked)::bigint, sum(a.paid)::bigint
  FROM added a JOIN enrolment e ON e.id = a.enrolment_id JOIN voucher v ON v.id = e.voucher_id
 GROUP BY 2, 3 ORDER BY 2, 3 DESC"""


def charges_of_provider(provider_id: int, on: date) -> list[Charge]:
    """What each open group of a provider asks, by code. Public: the catalogue shows it too."""
    where = "g.provider_id = %s AND g.state = 'open' AND g.valid @> %s::date ORDER BY g.code"
    return [Charge(*row) for row in rows(_CHARGES + where, [provider_id, on])]


def charge_of_group(group_uuid: UUID) -> Charge | None:
    """What one group asks of a family beside the voucher; None where there is no such group. Public."""
    found = rows(_CHARGES + "g.uuid = %s", [group_uuid])
    return Charge(*found[0]) if found else None


def charges_of_groups(group_ids: Collection[int]) -> dict[int, int]:
    """Group → tiyn a month beside the voucher, of those that ask something. Public."""
    found = rows(
        "SELECT DISTINCT ON (group_id) group_id, amount_tiyn FROM group_charge WHERE group_id = ANY (%s)"
        " ORDER BY group_id, id DESC",
        [list(group_ids)],
    )
    return {group_id: tiyn for group_id, tiyn in found if tiyn}


def paid_by_family(enrolment_ids: Collection[int]) -> dict[tuple[int, date], int]:
    """(place, month) → tiyn of receipts that stand."""
    found = rows(
        "SELECT enrolment_id, month, sum(amount_tiyn)::bigint FROM family_receipt"
        " WHERE enrolment_id = ANY (%s) AND cancelled_at IS NULL GROUP BY 1, 2",
        [list(enrolment_ids)],
    )
    return {(place, month): tiyn for place, month, tiyn in found}


def payers_of_provider(*, actor: Actor, provider_id: int, at: datetime) -> list[Payer]:
    """A provider's live places whose contracts name a charge, by group; an audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    found = rows(
        "SELECT e.id, e.uuid, e.child_id, g.code, f.charge_tiyn FROM family_contract f"
        " JOIN enrolment e ON e.id = f.enrolment_id JOIN club_group g ON g.id = e.group_id"
        " WHERE f.provider_id = %s AND f.charge_tiyn > 0 AND e.state <> 'ended' ORDER BY g.code, e.id",
        [provider_id],
    )
    payers = [Payer(*row) for row in found]
    children = {one.child_id for one in payers}
    ids = [one.enrolment_id for one in payers]
    named = names(actor, Action.READ_HOUSE, ("enrolment", ids), children, at, territory_id)
    return [one._replace(name=named.get(one.child_id, ERASED_NAME)) for one in payers]


def receipts_of_provider(
    *, actor: Actor, provider_id: int, at: datetime, after: int = 0, most: int = 200
) -> list[ReceiptShown]:
    """A provider's receipts, newest first, after so many; an audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    found = rows(_RECEIPTS + "e.provider_id = %s ORDER BY r.id DESC LIMIT %s OFFSET %s", [provider_id, most, after])
    return _shown(actor, Action.READ_HOUSE, found, at, territory_id)


def own_receipts(*, actor: Actor, at: datetime) -> list[ReceiptShown]:
    """What the guardian's family paid to providers, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    return _shown(actor, Action.READ_OWN, rows(_RECEIPTS + "e.child_id = ANY (%s) ORDER BY r.id DESC", [children]), at)


def own_additions(*, actor: Actor, at: datetime) -> dict[UUID, list[FamilyMonth]]:
    """Voucher → months in which the family adds to it, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    added = rows(_ADDED, {"children": list(children), "today": local_day(at)})
    places = sorted({place for row in added for place in row[0]})
    reading.saw(actor=actor, at=at, action=Action.READ_OWN, kind="enrolment", ids=places, children=set(children))
    found: dict[UUID, list[FamilyMonth]] = {}
    for _, voucher, *month in added:
        found.setdefault(voucher, []).append(FamilyMonth._make(month))
    return found


def _shown(
    actor: Actor, action: Action, found: Sequence[tuple[Any, ...]], at: datetime, territory_id: int | None = None
) -> list[ReceiptShown]:
    receipts = [ReceiptShown(*row) for row in found]
    children, ids = {one.child_id for one in receipts}, [one.id for one in receipts]
    named = names(actor, action, ("family_receipt", ids), children, at, territory_id)
    return [one._replace(name=named.get(one.child_id, ERASED_NAME)) for one in receipts]


def receipt_id(provider_id: int, uuid: UUID) -> int | None:
    """A provider's receipt by its outside id; another's is as unknown as none."""
    found = rows(
        "SELECT r.id FROM family_receipt r JOIN enrolment e ON e.id = r.enrolment_id"
        " WHERE r.uuid = %s AND e.provider_id = %s",
        [uuid, provider_id],
    )
    return found[0][0] if found else None


def own_place_id(provider_id: int, uuid: UUID) -> int | None:
    """A provider's place by its outside id; another's is as unknown as none."""
    found = rows("SELECT id FROM enrolment WHERE uuid = %s AND provider_id = %s", [uuid, provider_id])
    return found[0][0] if found else None
