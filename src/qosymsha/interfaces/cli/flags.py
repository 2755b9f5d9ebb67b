"""`qosymsha flags`: screen a month, tell its red flags with their reasons, and the scores behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import click

from qosymsha.domain.flags import commands, queries
from qosymsha.domain.flags.explaining import LANGUAGES, sentence
from qosymsha.domain.flags.queries import FlagFacts, MonthScore, Subject
from qosymsha.domain.flags.states import FlagState
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import Installation, installation
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, json_option, remark, table
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock, entropy
from qosymsha.kernel.errors import BadInput

SHOWN = 40


@click.command(name="flags")
@click.option(
    "--month", type=click.DateTime(formats=["%Y-%m"]), metavar="YYYY-MM", help="Default: the latest with marks."
)
@click.option("--provider", default="", metavar="BIN", help="Of one provider only, by BIN (or by its code in a file).")
@click.option("--no-screen", is_flag=True, help="Tell what stands; judge nothing now, raise nothing.")
@click.option("--no-scores", is_flag=True, help="With --json: leave out the scores of every child's month and day.")
@json_option
@as_option
def command(  # noqa: PLR0913 (the options of a verb)
    month: datetime | None, provider: str, no_screen: bool, no_scores: bool, as_json: bool, subjects: tuple[str, ...]
) -> int:
    """Screen a month of marks and tell its red flags.

    Judges the month's lessons of the register and what `qosymsha import marks` brought in, by the rules in force (their
    weights and thresholds are section `flags` of the rule set). Flagged days are held back from payment until a checker
    resolves the flag. Run again after more has come in: flags are added, none is taken back.

    \b
    With --json one object is printed:
      month, screened {providers, places, raised, grown, held}
      flags         [{flag, provider, group, child, child_ref, refs, days, score, state,
                      rules: [{code, days, strength, weight, figures}], explanation: {kk, ru, en}}]
      child_months  [{provider, group, child, child_ref, score, flagged}]
      child_days    [{provider, group, child, child_ref, day, ref, score, flagged}]
    `child` is the register's uuid, or a keyed hash for a child known from a file only; `child_ref` and `ref`/`refs` are
    the file's own words for the child and its rows. Scores go from 0 to 1; `flagged` is what the rules say now, `state`
    what stands: open, dismissed or upheld.

    \b
    Examples:
      qosymsha flags --month 2026-10
      qosymsha flags --month 2026-10 --provider 150140000005 --json

    Exit status: 0 no flag is open, 1 some are, 2 bad input.
    """
    with database():
        at = clock.read()
        place, staff = installation(at), Staff(subjects, at)
        first = _month(place, month)
        told: dict[str, Any] = {"month": f"{first:%Y-%m}"}
        actor = staff.actor(Role.CHECKER)
        if not no_screen:
            told["screened"] = _screened(place, staff, first)
        found = queries.flags(
            actor=actor, programme_id=place.programme_id, territory_id=place.territory_id, month=first, at=at,
            provider=provider,
        )  # fmt: skip
        if as_json:
            scores = queries.scores(actor=actor, programme_id=place.programme_id, month=first, at=at, provider=provider)
            _print(told, found, None if no_scores else scores)
        else:
            for line in _text(told, found):
                click.echo(line)
    return EXIT_FINDING if any(f.state == FlagState.OPEN for f in found) else EXIT_DONE


def _month(place: Installation, month: datetime | None) -> date:
    if month is not None:
        return month.date()
    latest = queries.latest_month(place.programme_id)
    if latest is None:
        raise BadInput("--month", "no month has marks yet: load some with `qosymsha import marks`, or mark lessons")
    return latest


def _screened(place: Installation, staff: Staff, month: date) -> dict[str, int]:
    done = commands.screen(
        actor=staff.actor(Role.CHECKER),
        programme_id=place.programme_id,
        month=month,
        at=staff.at,
        key=entropy.uuid4(),
    )
    remark(f"screened: {done.places:,} children's months of {done.providers:,} providers")
    return {"providers": done.providers, "places": done.places, "raised": done.raised, "grown": done.grown,
            "held": done.held}  # fmt: skip


def _print(told: dict[str, Any], found: list[FlagFacts], scores: Iterator[MonthScore] | None) -> None:
    """One JSON object, its long lists entry by entry: a month of a large city is never in memory whole."""
    refs: dict[tuple[str, str, bytes], list[str]] = {}
    wanted = {(f.provider, f.group_code, f.child_key): set(f.days) for f in found}
    months: list[str] = []
    head = json.dumps(told, ensure_ascii=False)[:-1]
    click.echo(head + (', "child_days": [' if scores is not None else ""))
    is_first = True
    for one in scores or ():
        who = one.who
        days = wanted.get((who.provider, who.group_code, who.key))
        months.append(_line(_named(who) | {"score": one.score_permille / 1000, "flagged": one.is_flagged}))
        for day in one.days:
            if days and day.on in days and day.is_flagged and day.ref:
                refs.setdefault((who.provider, who.group_code, who.key), []).append(day.ref)
            entry = {"day": day.on.isoformat(), "ref": day.ref, "score": day.score_permille / 1000,
                     "flagged": day.is_flagged}  # fmt: skip
            click.echo(("" if is_first else ",\n") + _line(_named(who) | entry), nl=False)
            is_first = False
    if scores is not None:
        click.echo('],\n"child_months": [' + ",\n".join(months) + "]")
    listed = (_line(_flag(f, refs.get((f.provider, f.group_code, f.child_key), []))) for f in found)
    click.echo(',"flags": [' + ",\n".join(listed) + "]}")


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _named(who: Subject) -> dict[str, Any]:
    return {"provider": who.provider, "group": who.group_code, "child": who.key.hex(), "child_ref": who.child_ref}


def _flag(flag: FlagFacts, refs: list[str]) -> dict[str, Any]:
    return {
        "flag": str(flag.uuid),
        "provider": flag.provider,
        "group": flag.group_code,
        "child": flag.child_key.hex(),
        "child_ref": flag.child_ref,
        "refs": refs,
        "days": [day.isoformat() for day in flag.days],
        "score": flag.score_permille / 1000,
        "state": flag.state,
        "rules": [
            {
                "code": reason.code,
                "days": [day.isoformat() for day in reason.days],
                "strength": reason.strength_permille / 1000,
                "weight": reason.weight_permille / 1000,
                "figures": reason.figures,
            }
            for reason in flag.reasons
        ],
        "explanation": {language: _explained(flag, language) for language in LANGUAGES},
    }


def _explained(flag: FlagFacts, language: str) -> str:
    return " ".join(sentence(reason.code, reason.figures, language) for reason in flag.reasons)


def _text(told: dict[str, Any], found: list[FlagFacts]) -> list[str]:
    states = {state: sum(f.state == state for f in found) for state in FlagState}
    lines = [f"Month {told['month']}: " + ", ".join(f"{count:,} {state}" for state, count in states.items())]
    shown = sorted((f for f in found if f.state == FlagState.OPEN), key=lambda f: -f.score_permille)[:SHOWN]
    if shown:
        rows = [
            (f.provider, f.group_code, f.child_ref or f.child_key.hex()[:8], f.score_permille, len(f.days),
             ", ".join(r.code for r in f.reasons[:3]))
            for f in shown
        ]  # fmt: skip
        lines += table("Open", ("provider", "group", "child", "score ‰", "days", "rules"), rows)
    if states[FlagState.OPEN] > SHOWN:
        lines.append(f"… and {states[FlagState.OPEN] - SHOWN:,} more; --json tells all")
    return lines
