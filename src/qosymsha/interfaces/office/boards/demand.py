"""Dashboards of demand and supply, districts, and who stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qosymsha.domain.figures.queries.stored import Stored
from qosymsha.interfaces.office.boards.charts import Chart, Drawn, chart
from qosymsha.interfaces.office.boards.parts import (
    Board,
    Chosen,
    Row,
    Table,
    activity_name,
    added,
    district_name,
    kind_name,
    percent,
)
from qosymsha.kernel.text import sort_key

MOST_DRAWN = 15
WAYS = ("activity", "district", "language", "kind")
_SUMS = ("groups", "places", "taken", "children", "first", "wished")


def demand(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """From application to place, and first wishes against places by direction, district, language or kind."""
    asked = [row for row in stored["demand"].rows if chosen.has(row)]
    cells = [row for row in stored["supply"].rows if chosen.has(row)]
    sums = {name: sum(row[name] for row in asked) for name in ("filed", "issued", "placed", "waiting")}
    places, first = sum(row["places"] for row in cells), sum(row["first"] for row in cells)
    says = [
        chosen.say("figures.demand.says", **sums),
        chosen.say("figures.demand.says_places", places=places, first=first),
    ]
    grouped = sorted(_grouped(chosen, cells), key=lambda one: (-_per_place(one[1]), sort_key(one[0])))
    return Board(
        "demand",
        stored["supply"].at,
        tuple(says),
        (_way(chosen, asked), _wishes(chosen, grouped)),
        (_way_table(asked, chosen), _wishes_table(chosen, grouped)),
        ("kind", "district", "teaching", "by"),
        (chosen.say("figures.demand.note"),),
    )


def _way(chosen: Chosen, asked: list[Row]) -> Chart:
    legend = (
        ("a", "figures.col.placed"),
        ("c", "figures.legend.unplaced"),
        ("b", "figures.col.waiting"),
        ("e", "figures.legend.others"),
    )
    drawn = []
    for row in asked:
        unplaced = row["issued"] - row["placed"]
        rest = row["filed"] - row["issued"] - row["waiting"]
        note = chosen.say("figures.demand.way", filed=row["filed"], placed=row["placed"], waiting=row["waiting"])
        values = (("a", row["placed"]), ("c", unplaced), ("b", row["waiting"]), ("e", rest))
        drawn.append(Drawn(kind_name(chosen, row["kind"]), note, values))
    return chart("figures.demand.way_title", legend, drawn)


def _way_table(asked: list[Row], chosen: Chosen) -> Table:
    columns = ("kind", "filed", "issued", "placed", "waiting", "usual_days")
    rows = [
        (kind_name(chosen, row["kind"]), row["filed"], row["issued"], row["placed"], row["waiting"], row["usual_days"])
        for row in asked
    ]
    return Table("figures.demand.way_title", columns, tuple(rows))


def _grouped(chosen: Chosen, cells: list[Row]) -> list[tuple[str, Row]]:
    names: dict[str, Callable[[Any], str]] = {
        "activity": lambda code: activity_name(chosen, code),
        "district": lambda district: district_name(chosen, district),
        "language": lambda code: chosen.say(f"teaching.{code}"),
        "kind": lambda kind: kind_name(chosen, kind),
    }
    return [(names[chosen.by](key), sums) for key, sums in added(cells, lambda r: r[chosen.by], *_SUMS).items()]


def _per_place(sums: Row) -> int:
    """First wishes for a hundred places; places alone where nobody was asked for wishes."""
    return 100 * sums["first"] // sums["places"] if sums["places"] else 0


def _wishes(chosen: Chosen, grouped: list[tuple[str, Row]]) -> Chart:
    legend = (("b", "figures.col.first"), ("mark", "figures.col.places"))
    rows = [
        Drawn(
            name,
            chosen.say("figures.demand.per", first=s["first"], places=s["places"], per=_per_place(s)),
            (("b", s["first"]),),
            s["places"],
        )
        for name, s in grouped[:MOST_DRAWN]
    ]
    return chart(f"figures.demand.by_{chosen.by}", legend, rows)


def _wishes_table(chosen: Chosen, grouped: list[tuple[str, Row]]) -> Table:
    columns = (chosen.by, "groups", "places", "taken", "children", "first", "wished", "per_place")
    rows = [(name, *(s[column] for column in _SUMS), _per_place(s)) for name, s in grouped]
    return Table(f"figures.demand.by_{chosen.by}", columns, tuple(rows))


def districts(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """Places for the children on record, district by district; where there is no free place and how far the next is."""
    extra = stored["districts"].extra["extra"]
    cells = added((r for r in stored["supply"].rows if chosen.has(r)), lambda r: r["district"], *_SUMS)
    nothing = dict.fromkeys(_SUMS, 0)
    found = [
        (district_name(chosen, int(key)), counts, cells.get(int(key), nothing), int(key))
        for key, counts in extra.items()
    ]
    found.sort(key=lambda one: (_per_children(one[2], one[1]), sort_key(one[0])))
    without = [name for name, _, sums, _ in found if sums["places"] <= sums["taken"]]
    says = chosen.say("figures.districts.says", n=len(without), all=len(found))
    names = (chosen.say("figures.districts.without", names=", ".join(without)),) if without else ()
    drawn = [
        Drawn(
            name,
            chosen.say("figures.districts.per", places=s["places"], children=counts[0], per=_per_children(s, counts)),
            (("a", s["taken"]), ("b", s["places"] - s["taken"])),
            counts[0],
        )
        for name, counts, s, _ in found
    ]
    legend = (("a", "figures.col.taken"), ("b", "figures.col.free"), ("mark", "figures.col.on_record"))
    rows = [
        (name, counts[0], counts[1], counts[2], s["groups"], s["places"], s["taken"], s["places"] - s["taken"],
         _per_children(s, counts), counts[3])
        for name, counts, s, _ in found
    ]  # fmt: skip
    columns = ("district", "on_record", "applied", "waiting", "groups", "places", "taken", "free", "per_children", "km")
    return Board(
        "districts",
        stored["districts"].at,
        (says, *names),
        (chart("figures.districts.title", legend, drawn),),
        (Table("figures.districts.title", columns, tuple(rows)),),
        ("kind", "teaching"),
        (chosen.say("figures.districts.note"),),
    )


def _per_children(sums: Row, counts: list[int]) -> int:
    return 100 * sums["places"] // counts[0] if counts[0] else 0


def stays(chosen: Chosen, stored: Mapping[str, Stored]) -> Board:
    """From voucher to place and out again, by kind; who was still in its group after three months, by direction."""
    found = [row for row in stored["stays"].rows if chosen.has(row)]
    groups = [row for row in stored["stays"].extra["stays"] if chosen.has(row)]
    could, stayed = sum(row["could"] for row in groups), sum(row["stayed"] for row in groups)
    share = percent(stayed, could, chosen.language)
    known = chosen.say("figures.stays.says", stayed=stayed, could=could, share=share)
    says = known if could else chosen.say("figures.stays.none")
    early, absent = sum(row["left_early"] for row in found), sum(row["absent"] for row in found)
    groups.sort(key=lambda row: (row["stayed"] / row["could"] if row["could"] else 2, row["activity"]))
    told = [row for row in groups if row["could"] >= 10]
    columns = ("kind", "issued", "accepted", "placed", "left_early", "absent")
    way = [(kind_name(chosen, row["kind"]), *(row[name] for name in columns[1:])) for row in found]
    staying = [
        (activity_name(chosen, r["activity"]), kind_name(chosen, r["kind"]), r["came"], r["could"], r["stayed"],
         percent(r["stayed"], r["could"], chosen.language))
        for r in groups
    ]  # fmt: skip
    return Board(
        "stays",
        stored["stays"].at,
        (says, chosen.say("figures.stays.left", early=early, absent=absent)),
        (_way_out(chosen, found), _left(chosen, told)),
        (
            Table("figures.stays.way", columns, tuple(way)),
            Table("figures.stays.by", ("activity", "kind", "came", "could", "stayed", "share"), tuple(staying)),
        ),
        ("kind",),
        (chosen.say("figures.stays.note"),),
    )


def _way_out(chosen: Chosen, found: list[Row]) -> Chart:
    legend = (("a", "figures.col.placed"), ("c", "figures.legend.accepted_only"), ("e", "figures.legend.not_accepted"))
    drawn = [
        Drawn(
            kind_name(chosen, r["kind"]),
            chosen.say("figures.stays.way_note", issued=r["issued"], placed=r["placed"]),
            (("a", r["placed"]), ("c", r["accepted"] - r["placed"]), ("e", r["issued"] - r["accepted"])),
        )
        for r in found
    ]
    return chart("figures.stays.way", legend, drawn)


def _left(chosen: Chosen, told: list[Row]) -> Chart:
    drawn = [
        Drawn(
            activity_name(chosen, r["activity"]),
            chosen.say("figures.stays.by_note", stayed=r["stayed"], could=r["could"]),
            (("a", 1000 * r["stayed"] // r["could"]), ("d", 1000 - 1000 * r["stayed"] // r["could"])),
        )
        for r in told[:MOST_DRAWN]
    ]
    return chart("figures.stays.by", (("a", "figures.col.stayed"), ("d", "figures.legend.gone")), drawn, 1000)
