"""Dashboards that touch categories and families: who waits, whom the rules hit. Cells are merged when stored."""

from __future__ import annotations

from collections.abc import Mapping

from qosymsha.domain.figures.queries.stored import Stored
from qosymsha.interfaces.office.boards.charts import Chart, Drawn, chart
from qosymsha.interfaces.office.boards.parts import (
    Board,
    Chosen,
    Row,
    Table,
    added,
    categories_name,
    category_order,
    kinds_name,
    percent,
)
from qosymsha.interfaces.ui import families


def waiting(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """Children who wait by category, and those granted a voucher; the middle of their days."""
    found = [row for row in stored["waiting"].rows if chosen.has(row)]
    parts = {part: [row for row in found if row["part"] == part] for part in ("waiting", "granted")}
    n = sum(row["children"] for row in parts["waiting"])
    slow = max((row["days"] for row in parts["waiting"] if row["days"] is not None), default=None)
    says = [chosen.say("figures.waiting.says", n=n)]
    says += [chosen.say("figures.waiting.slow", n=slow)] if slow is not None else []
    return Board(
        "waiting",
        stored["waiting"].at,
        tuple(says) if found else (),
        tuple(_children(chosen, part, rows) for part, rows in parts.items()),
        tuple(_table(chosen, part, rows) for part, rows in parts.items()),
        ("kind",),
        (chosen.say("figures.waiting.note"), chosen.say("figures.merged")),
    )


def _children(chosen: Chosen, part: str, rows: list[Row]) -> Chart:
    shade = {"waiting": "b", "granted": "a"}[part]
    sums = added(in_order(rows), lambda row: tuple(row["categories"]), "children")
    drawn = [
        Drawn(
            categories_name(chosen, block), chosen.say("figures.children", n=s["children"]), ((shade, s["children"]),)
        )
        for block, s in sums.items()
    ]
    return chart(f"figures.waiting.{part}", ((shade, f"figures.legend.{part}"),), drawn)


def in_order(rows: list[Row]) -> list[Row]:
    """Rows in the order of their first category in the classifier."""
    return sorted(rows, key=lambda row: (min(map(category_order, row["categories"])), row["kinds"]))


def _table(chosen: Chosen, part: str, rows: list[Row]) -> Table:
    cells = [
        (categories_name(chosen, row["categories"]), kinds_name(chosen, row["kinds"]), row["children"], row["days"])
        for row in in_order(rows)
    ]
    return Table(f"figures.waiting.{part}", ("categories", "kind", "children", "days"), tuple(cells))


def fairness(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """Whom the absence rule and the red flags hit, by kind of family: what the open page tells everybody."""
    found = stored["fairness"]
    everybody = next((row for row in found.rows if row["dimension"] == "all"), None)
    says = [_said(chosen, rule, everybody) for rule in ("absent", "flagged")] if everybody else []
    rows = [
        (
            families.name_of(row, chosen.language),
            row["children"],
            *(_share(chosen, row, rule) for rule in ("absent", "flagged")),
        )
        for row in found.rows
    ]
    return Board(
        "fairness",
        found.at,
        tuple(says),
        tuple(_hit(chosen, rule, found.rows) for rule in ("absent", "flagged")),
        (Table("figures.fairness.title", ("families", "children", "absent", "flagged"), tuple(rows)),),
        (),
        (chosen.say("figures.fairness.note"), chosen.say("figures.merged")),
    )


def _said(chosen: Chosen, rule: str, everybody: Row) -> str:
    if everybody[rule] is None:
        return chosen.say(f"figures.fairness.{rule}_few", children=everybody["children"])
    share = percent(everybody[rule], everybody["children"], chosen.language)
    return chosen.say(f"figures.fairness.{rule}", hit=everybody[rule], children=everybody["children"], share=share)


def _share(chosen: Chosen, row: Row, rule: str) -> str:
    return "—" if row[rule] is None else f"{row[rule]} ({percent(row[rule], row['children'], chosen.language)})"


def _hit(chosen: Chosen, rule: str, rows: tuple[Row, ...]) -> Chart:
    """Shares in millionths, so that groups of different size stand on one scale; nobody hit is nothing to draw."""
    told = [row for row in rows if row[rule] is not None] if any(row[rule] for row in rows) else []
    drawn = [
        Drawn(
            families.name_of(row, chosen.language),
            _share(chosen, row, rule),
            (("d", 1_000_000 * row[rule] // row["children"]),),
        )
        for row in told
    ]
    return chart(f"figures.fairness.by_{rule}", (("d", f"figures.col.{rule}"),), drawn)
