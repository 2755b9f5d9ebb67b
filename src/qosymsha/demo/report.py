"""What the year came to: who was funded, where the money is, what waits, what was refused, what was checked."""

from __future__ import annotations

from typing import Any

from qosymsha import __version__
from qosymsha.demo import choosing
from qosymsha.demo.world import STAGE_HAND, World
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.flags import queries as flags
from qosymsha.domain.insights.commands import run_invariants
from qosymsha.domain.insights.rules import InvariantResult
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.settlement import queries as settlement
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.kernel import audit


def collect(world: World) -> dict[str, Any]:
    """The year's keys: all but `invariants`, `seconds` and `peak_rss_bytes`."""
    programme = world.programme_id
    return {
        "version": __version__,
        "seed": world.seed,
        "children": world.children,
        "rule_set_hash": world.facts["rule_set_hash"],
        "rounds": [_round(number) for number in admission.round_numbers(programme)],
        "choice": choosing.report(world),
        "vouchers": vouchers.vouchers_by_state(programme),
        "enrolments": vouchers.enrolments_by_state(programme),
        "attendance": attendance.lessons_by_mark(programme)
        | {"rows": attendance.rows_by_word(programme), "scanned": world.facts.get("scanned", 0)},
        "flags": flags.flags_by_state(programme),
        "claims": settlement.claims_by_state(programme),
        "payments": settlement.payments_by_state(programme),
        "ledger": _money(),
        "refusals": dict(sorted(world.refusals.items())),
    }


def checked(world: World) -> list[dict[str, Any]]:
    """Chain the audit to its end, then check every invariant and keep the results for the first page."""
    while audit.link():
        pass
    results = run_invariants(actor=STAGE_HAND, at=world.now, key=world.key("invariants"))
    return [_invariant(result) for result in results]


def _invariant(result: InvariantResult) -> dict[str, Any]:
    found: dict[str, Any] = {"id": result.id, "ok": result.ok, "violations": result.violations}
    if result.examples:
        found["examples"] = result.examples
    if result.not_applicable:
        found["not_applicable"] = result.not_applicable
    return found


def _round(number: str) -> dict[str, Any]:
    found = admission.round_summary(number)
    return {
        "id": found.number,
        "root": found.root,
        "seed": found.seed,
        "granted_by_category": found.granted_by_category,
        "waiting": sum(segment.waiting for segment in found.segments),
        "applications": found.applications,
    }


def _money() -> dict[str, int]:
    sums: dict[str, int] = {}
    for kinds in ledger.totals().values():
        for kind, tiyn in kinds.items():
            sums[kind] = sums.get(kind, 0) + tiyn
    return sums
