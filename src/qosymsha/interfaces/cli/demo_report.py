"""The demo's report as a person reads it: tables and plain words."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from qosymsha.domain.insights.rules import PROMISES
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.money import Money

MONEY = {
    "free": "free: promised to nobody",
    "held": "held: promised to a child",
    "place": "place: promised for a place in a month",
    "payable": "payable: earned, not yet paid",
    "transit": "in transit: at the treasury",
    "paid": "paid",
    "released": "released",
    "lapsed": "lapsed at year end",
    "refunds": "refunds",
    "receivable": "receivable from providers",
    "suspense": "suspense",
}


def printed(report: dict[str, Any], console: Console) -> None:
    """Print the report."""
    console.rule(f"[bold]A programme year: {report['children']:,} children, seed {report['seed']}")
    for found in report["rounds"]:
        console.print(f"Round {found['id']}: {found['applications']:,} applications, {found['waiting']:,} wait")
        console.print(
            f"  root of the closed list  {found['root']}\n  seed of the draw         {found['seed']}", soft_wrap=True
        )
        console.print(_categories(found["granted_by_category"]))
    for found in report["choice"]:
        console.print(_choice(found))
    console.print(_money(report["ledger"]))
    console.print(_states(report))
    console.print(_refusals(report["refusals"]))
    console.print(_invariants(report["invariants"]))
    console.print(_seconds(report))


def _categories(granted: dict[str, int]) -> Table:
    names = {row.code: row.name_en for row in classifiers.categories()}
    table = Table(title="Who was funded, by category", title_justify="left")
    table.add_column("category")
    table.add_column("vouchers", justify="right")
    for code, count in granted.items():
        table.add_row(names.get(code, "smaller categories together"), f"{count:,}")
    table.add_row("[bold]all", f"[bold]{sum(granted.values()):,}")
    return table


def _choice(found: dict[str, Any]) -> Table:
    table = Table(title=f"Choice round {found['id']}: {found['lists']:,} lists of wishes", title_justify="left")
    table.add_column("wish got")
    table.add_column("children", justify="right")
    for rank, count in found["by_wish"].items():
        said = {"none": "no place: the left over ones", "other": "ranks of fewer than ten children together"}
        table.add_row(said.get(rank, f"wish {rank}"), f"{count:,}")
    for state, count in found["offers"].items():
        table.add_row(f"freed places offered, {state}", f"{count:,}")
    return table


def _money(ledger: dict[str, int]) -> Table:
    table = Table(title="Where each tenge is", title_justify="left")
    table.add_column("account")
    table.add_column("amount", justify="right")
    for kind, words in MONEY.items():
        if kind in ledger:
            table.add_row(words, str(Money(ledger[kind])))
    rest = sum(tiyn for kind, tiyn in ledger.items() if kind != "approp")
    table.add_row("[bold]all accounts", f"[bold]{Money(rest)}")
    table.add_row("the budget", str(Money(-ledger.get("approp", 0))))
    return table


def _states(report: dict[str, Any]) -> Table:
    table = Table(title="What became of it", title_justify="left")
    for column in ("thing", "state", "number"):
        table.add_column(column, justify="right" if column == "number" else "left")
    for thing in ("vouchers", "enrolments", "attendance", "claims", "payments"):
        for state, count in report[thing].items():
            if isinstance(count, dict):
                for word, n in count.items():
                    table.add_row("month rows", word, f"{n:,}")
            else:
                table.add_row("lessons" if thing == "attendance" else thing, state, f"{count:,}")
    return table


def _refusals(refusals: dict[str, int]) -> Table:
    table = Table(title="What was refused, and what the person was told", title_justify="left")
    table.add_column("reason")
    table.add_column("times", justify="right")
    table.add_column("sentence")
    for reason, count in refusals.items():
        table.add_row(reason.replace("_", " "), f"{count:,}", texts.refusal("en", reason))
    if not refusals:
        table.add_row("nothing", "0", "")
    return table


def _invariants(invariants: list[dict[str, Any]]) -> Table:
    waiting = [i for i in invariants if "not_applicable" in i]
    red = [i for i in invariants if not i["ok"]]
    checked = len(invariants) - len(waiting)
    table = Table(
        title=f"Invariants: {checked} checked, {len(red)} red, {len(waiting)} not applicable yet", title_justify="left"
    )
    table.add_column("id")
    table.add_column("result")
    table.add_column("promise")
    promises = {promise.id: promise.en for promise in PROMISES}
    for found in invariants:
        result = "[green]holds" if found["ok"] else f"[bold red]RED: {found['violations']:,}"
        said = f"[dim]{found['not_applicable']}" if "not_applicable" in found else promises[found["id"]]
        table.add_row(found["id"], "[dim]not yet" if "not_applicable" in found else result, said)
    return table


def _seconds(report: dict[str, Any]) -> Table:
    total = sum(report["seconds"].values())
    title = f"Time: {total:.1f} s, {1000 * total / report['children']:.2f} ms per child"
    table = Table(title=title, title_justify="left", min_width=len(title))
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for step, seconds in report["seconds"].items():
        table.add_row(step, f"{seconds:.1f}")
    table.caption = f"peak memory {report['peak_rss_bytes'] / 2**20:,.0f} MiB"
    return table
