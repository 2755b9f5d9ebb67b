"""Dashboards of money by month and line, and of who spoke for the days that are paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qosymsha.domain.figures.queries.stored import Stored
from qosymsha.interfaces.office.boards.charts import Chart, Drawn, chart
from qosymsha.interfaces.office.boards.parts import (
    Board,
    Chosen,
    Row,
    Table,
    added,
    kind_name,
    month_name,
    percent,
    tenge,
)
from qosymsha.kernel.money import Money

PARTS = ("paid", "payable", "held", "free", "back")
_SHADES = dict(zip(PARTS, "abcfe", strict=True))


def money(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """Where the year's money stood at each month's end, all chosen lines together; each line's forecast."""
    lines = [row for row in stored["money"].rows if chosen.has(row)]
    by_month = _together(lines)
    last = by_month[-1][1] if by_month else dict.fromkeys(("planned", *PARTS), 0)
    amounts = {name: tenge(last[name]) for name in ("planned", "paid", "payable", "held", "free", "back")}
    share = percent(last["paid"], last["planned"], chosen.language)
    says = [chosen.say("figures.money.says", share=share, **amounts)] if lines else []
    says += [_forecast(chosen, line) for line in lines if line["burn"]]
    return Board(
        "money",
        stored["money"].at,
        tuple(says),
        (_months(chosen, by_month), _earned(chosen, lines)),
        (_table(chosen, lines), _earned_table(chosen, lines)),
        ("kind",),
        (chosen.say("figures.money.note"), chosen.say("figures.money.burn_note")),
    )


def _together(lines: list[Row]) -> list[tuple[str, Row]]:
    """The lines' months summed, the earliest first."""
    months = (month for line in lines for month in line["months"])
    return sorted(added(months, lambda month: month["month"], "planned", *PARTS).items())


def _months(chosen: Chosen, by_month: list[tuple[str, Row]]) -> Chart:
    legend = tuple((shade, f"figures.col.{part}") for part, shade in _SHADES.items())
    drawn = [
        Drawn(
            month_name(month),
            chosen.say("figures.money.month", paid=tenge(sums["paid"]), held=tenge(sums["held"])),
            tuple((shade, sums[part]) for part, shade in _SHADES.items()),
            sums["planned"],
        )
        for month, sums in by_month
    ]
    return chart("figures.money.title", (*legend, ("mark", "figures.col.planned")), drawn)


def _earned(chosen: Chosen, lines: list[Row]) -> Chart:
    earned = ({"month": month, "earned": tiyn} for line in lines for month, tiyn in line["earned"])
    drawn = [
        Drawn(month_name(month), tenge(sums["earned"]), (("a", sums["earned"]),))
        for month, sums in sorted(added(earned, lambda r: r["month"], "earned").items())
    ]
    return chart("figures.money.earned", (("a", "figures.col.earned"),), drawn)


def _forecast(chosen: Chosen, line: Row) -> str:
    """What the speed of the last months makes of the rest of the year, for one line."""
    burn: dict[str, Any] = line["burn"]
    said = {
        "line": f"{kind_name(chosen, line['kind'])} ({line['code']})", "speed": tenge(burn["speed"]),
        "left": tenge(burn["left"]), "rest": tenge(abs(burn["rest"])), "months": burn["months"],
    }  # fmt: skip
    if burn["ends"]:
        return chosen.say("figures.money.short", ends=month_name(burn["ends"]), **said)
    return chosen.say("figures.money.lasts", **said)


def _table(chosen: Chosen, lines: list[Row]) -> Table:
    columns = ("line", "month", "planned", "committed", *PARTS)
    rows: list[tuple[str | Money, ...]] = []
    for line in lines:
        for one in line["months"]:
            committed = one["held"] + one["payable"] + one["paid"]
            amounts = (one["planned"], committed, *(one[part] for part in PARTS))
            rows.append((f"{kind_name(chosen, line['kind'])} ({line['code']})", month_name(one["month"]),
                         *(Money(tiyn) for tiyn in amounts)))  # fmt: skip
    return Table("figures.money.title", columns, tuple(rows))


def _earned_table(chosen: Chosen, lines: list[Row]) -> Table:
    rows = [
        (f"{kind_name(chosen, line['kind'])} ({line['code']})", month_name(month), Money(tiyn))
        for line in lines
        for month, tiyn in line["earned"]
    ]
    return Table("figures.money.earned", ("line", "month", "earned"), tuple(rows))


def words(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """Month by month: how many rows the families confirmed, how many a named officer decided."""
    names = ("rows", "family", "officer", "disputed", "silent")
    found = [row for row in stored["spoken"].rows if chosen.has(row)]
    months = list(added(found, lambda row: row["month"], *names).items())
    rows, officer = (sum(sums[name] for _, sums in months) for name in ("rows", "officer"))
    drawn = [
        Drawn(
            month_name(month),
            chosen.say("figures.words.month", share=percent(s["officer"], s["rows"], chosen.language), rows=s["rows"]),
            (("a", s["family"]), ("b", s["officer"]), ("d", s["disputed"]), ("e", s["silent"])),
        )
        for month, s in months
    ]
    legend = (
        ("a", "figures.col.family"),
        ("b", "figures.col.officer"),
        ("d", "figures.col.disputed"),
        ("e", "figures.col.silent"),
    )
    table = [
        (month_name(r["month"]), kind_name(chosen, r["kind"]), *(r[name] for name in names),
         percent(r["officer"], r["rows"], chosen.language))
        for r in found
    ]  # fmt: skip
    says = chosen.say("figures.words.says", share=percent(officer, rows, chosen.language), rows=rows, officer=officer)
    return Board(
        "words",
        stored["spoken"].at,
        (says,) if months else (),
        (chart("figures.words.title", legend, drawn),),
        (Table("figures.words.title", ("month", "kind", *names, "share"), tuple(table)),),
        ("kind",),
        (chosen.say("figures.words.note"),),
    )
