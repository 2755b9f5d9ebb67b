"""A query that shows a child's record to a door says so: it reaches `reading.saw`. Asked of the text of the house."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.architecture.house import ROOT, Module, modules

# A row of these tables is a child's record, or leads to one.
RECORDS = (
    "child|child_status|person_secret|guardianship|application|outcome|voucher|enrolment|transfer_request|mark|check_in"
    "|absence_notice|absence_case|sheet_row|day_hold|choice_list|choice_outcome|choice_offer|red_flag|claim_row"
    "|category_case|application_draft"
)
MODELS = {
    "Child", "ChildStatus", "PersonSecret", "Guardianship", "Application", "Outcome", "Voucher", "Enrolment",
    "TransferRequest", "Mark", "CheckIn", "AbsenceNotice", "AbsenceCase", "SheetRow", "DayHold", "ChoiceList",
    "ChoiceOutcome", "ChoiceOffer", "RedFlag", "ClaimRow", "CategoryCase", "ApplicationDraft",
}  # fmt: skip
_READS = re.compile(rf"\b(?:FROM|JOIN)\s+(?:{RECORDS})\b")
Function = tuple[str, str]  # room, name

# Called by doors, touches such tables, and shows no child's record: each with its reason.
FIGURES = "figures alone, or documents of an organisation: no child is in the answer"
AN_ID = "an id for a number or address the caller brought; what it leads to is read through an audited query"
SAID = "a detail of children whose read another query of the same page has said"
MACHINE = "for a command's own work: nothing of it is shown to a person"
EXEMPT: dict[Function, str] = (
    dict.fromkeys([
        ("attendance", "hearing_work"), ("attendance", "words_of_month"), ("controls", "frame"),
        ("controls", "own_findings"), ("controls", "visits"), ("settlement", "lacking_rows"),
        ("settlement", "months_to_close"), ("settlement", "open_debts"), ("settlement", "refunds"),
        ("settlement", "year_to_close"),
        ("admission", "round_life"), ("admission", "round_seen"), ("admission", "tried"),
        ("admission", "round_summary"), ("admission", "public_moves"),
        ("attendance", "office_sheets"), ("attendance", "provider_month"), ("attendance", "provider_sheets"),
        ("attendance", "sheet_work"), ("choice", "choice_life"), ("choice", "choice_round_seen"),
        ("flags", "flag_work"),
        ("settlement", "acts"), ("settlement", "acts_of_provider"), ("settlement", "claim_formula"),
        ("settlement", "office_acts"),
        ("settlement", "claim_signatures"), ("settlement", "closed_months"), ("settlement", "explained"),
        ("settlement", "file_lines"), ("settlement", "money_days"), ("settlement", "office_claims"),
        ("settlement", "claim_work"), ("settlement", "act_work"), ("settlement", "recovery_work"),
        ("settlement", "office_files"), ("settlement", "office_held"), ("settlement", "office_recoveries"),
        ("settlement", "payments_by_state"), ("settlement", "programme_debts"), ("settlement", "provider_debts"),
        ("settlement", "statement"), ("providers", "providers_by_number"), ("providers", "teachers_of"),
        ("settlement", "provider_draws"), ("settlement", "drawable_providers"), ("settlement", "actless_claims"),
        ("settlement", "released_claims"), ("settlement", "file_number_of"), ("agreements", "refused_places"),
        ("settlement", "houses"), ("settlement", "house_contracts"),
        ("insights", "figures"), ("intake", "case_lines"), ("intake", "case_work"),
        ("agreements", "contract_count"), ("providers", "staff_of"), ("changes", "children_in"),
        ("changes", "children_of_provider"), ("changes", "elsewhere"), ("messages", "unread_count"),
        ("casework", "held_work"), ("casework", "ending_work"), ("casework", "unguarded_work"),
        ("casework", "unguarded_everywhere"), ("casework", "held_ids"), ("casework", "holds"),
        ("erasure", "due_count"), ("erasure", "overdue"), ("erasure", "stand"),
        ("casework", "past_holds"), ("agreements", "refusal_work"), ("choice", "places_now"), ("flags", "chunks"),
    ], FIGURES)
    | dict.fromkeys([
        ("admission", "application_numbered"), ("choice", "list_of_voucher"), ("choice", "vouchers_numbered"),
        ("attendance", "marking_ids"), ("attendance", "place_facts"), ("attendance", "place_uuids"),
        ("attendance", "place_of_voucher"),
        ("people", "by_iin"), ("agreements", "receipt_id"),
        ("casework", "waiting_subject"), ("casework", "waiting_one"),
    ], AN_ID)
    | dict.fromkeys([("attendance", "clashes"), ("attendance", "marks_of"), ("vouchers", "waiting_of"),
                       ("casework", "office_words")], SAID)
    | dict.fromkeys([
        ("people", "homes"), ("people", "statuses"), ("people", "wards"), ("people", "shared_wards"),
        ("settlement", "redraw"),
        ("insights", "teachers"), ("messages", "addresses"), ("messages", "phones"),
    ], MACHINE)
    | {
        ("vouchers", "standing"): "state and months of the number on a paper that somebody shows: not whose it is",
        ("people", "own_record"): "one's own record, shown to nobody else",
        ("people", "phone_of"): "one's own phone, for a code to oneself",
        ("people", "demo_people"): "invented people of a trial; refused in production",
    }
)  # fmt: skip


@dataclass(slots=True)
class Asked:
    """What a query does, told by its text: reads a child's record, says so, whom it calls."""

    reads: bool = False
    says: bool = False
    calls: set[Function] = field(default_factory=set)


def rooms_of(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(name in this module, room, name there or "" for the module itself) of what comes from rooms' queries."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("qosymsha.domain."):
            continue
        path = (node.module or "").split(".")[2:]
        for alias in node.names:
            whole = [*path, alias.name]
            if len(whole) > 1 and (whole[1] == "queries" or path == whole[:1]):
                is_module = alias.name == "queries" or alias.name in SUBMODULES.get(whole[0], set())
                yield alias.asname or alias.name, whole[0], "" if is_module else alias.name


HOUSE = list(modules())
SUBMODULES: dict[str, set[str]] = {}
for _module in HOUSE:
    _parts = _module.name.split(".")
    if len(_parts) == 4 and _parts[0] == "domain" and _parts[2] == "queries":
        SUBMODULES.setdefault(_parts[1], set()).add(_parts[3])


@cache
def named(node: ast.AST) -> frozenset[tuple[str, str]]:
    """(name, attribute or "") of every name used in a piece of code."""
    whole = list(ast.walk(node))
    attributes = {(n.value.id, n.attr) for n in whole if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    return frozenset(attributes | {(n.id, "") for n in whole if isinstance(n, ast.Name)})


def calls(node: ast.AST, room: str, imported: dict[str, tuple[str, str]]) -> set[Function]:
    """The rooms' queries that a piece of code names."""
    found: set[Function] = {(room, name) for name, attribute in named(node) if not attribute and room}
    for name, attribute in named(node):
        if name in imported:
            of, what = imported[name]
            found.add((of, what or attribute))
    return found


@cache
def texts(node: ast.AST) -> str:
    """All string constants, joined: a statement may be written in pieces."""
    return " ".join(n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def queries(every: Iterable[Module]) -> dict[Function, Asked]:
    """Every function and constant of the rooms' queries."""
    found: dict[Function, Asked] = {}
    for module in every:
        parts = module.name.split(".")
        if parts[0] != "domain" or len(parts) < 3 or not (parts[2] == "queries" or parts[2] == "demo_people"):
            continue
        imported = dict_of(module)
        for node in module.tree.body:
            names = (
                [node.name]
                if isinstance(node, ast.FunctionDef)
                else [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
            )
            for name in names:
                asked = found.setdefault((parts[1], name), Asked())
                said = named(node)
                asked.reads |= bool(_READS.search(texts(node))) or any(n in MODELS and a for n, a in said)
                asked.reads |= name != "unseal" and any("unseal" in (n, a) for n, a in said) and "child" in texts(node)
                asked.says |= ("reading", "saw") in said
                asked.calls |= calls(node, parts[1], imported) - {(parts[1], name)}
    return found


def reaches(start: Function, found: dict[Function, Asked], what: str) -> bool:
    """Whether a query, or one it calls, does it."""
    seen, waiting = set(), [start]
    while waiting:
        one = waiting.pop()
        if one in seen or one not in found:
            continue
        seen.add(one)
        if getattr(found[one], what):
            return True
        waiting += found[one].calls
    return False


def dict_of(module: Module) -> dict[str, tuple[str, str]]:
    """What the module's names of rooms' queries mean."""
    return {name: (room, what) for name, room, what in rooms_of(module.tree)}


# Commands whose writes are no fact about anybody: each with its reason.
UNRECORDED: dict[Function, str] = {
    ("documents", "count_try"): "how often a scanner gave no word; its word is recorded",
    ("errands", "begin"): "the machine's progress with what was asked, which is recorded, as is what it does",
    ("errands", "end"): "the same",
    ("errands", "mind"): "the same: a lost job is given back",
    ("errands", "note"): "the same: how far",
    ("factors", "ask_to_add"): "a question to the browser, five minutes old at most: its answer is the deed",
    ("factors", "ask_to_prove"): "a question to the browser, five minutes old at most: its answer is the deed",
    ("factors", "forget_questions"): "questions to browsers, past their retention",
    ("erasure", "close_run"): "that a night ended: whom it erased is recorded",
    ("insights", "forget_runs"): "the checker's own results, past their retention",
    ("people", "forget_readings"): "counters of reads, past their retention",
    ("people", "forget_tries"): "tries of second factors, past their retention",
    ("people", "spend_reading"): "counts a read whose row in the audit is written already",
}


def deeds(module: Module) -> Iterator[tuple[Function, ast.FunctionDef, set[Function]]]:
    """Every function of a room's module, and what it names of its own and of other rooms."""
    room = module.name.split(".")[1]
    imported = {
        alias.asname or alias.name: ((node.module or "").split(".")[2], alias.name)
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qosymsha.domain.")
        for alias in node.names
    }
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef):
            found = ((imported.get(name, (room, name)), attribute) for name, attribute in named(node))
            yield (room, node.name), node, {(of, attribute or what) for (of, what), attribute in found}


def unrecorded(every: list[Module]) -> set[Function]:
    """Commands with a transaction of their own in which nothing reaches `audit.record` or its SQL twin."""
    uses: dict[Function, set[Function]] = {}
    reached: set[Function] = set()
    commands: set[Function] = set()
    for module in every:
        if not module.name.startswith("domain.") or module.name.count(".") < 2:
            continue
        for one, node, used in deeds(module):
            uses.setdefault(one, set()).update(used)
            if ("audit", "record") in named(node) or "audit_record" in texts(node):
                reached.add(one)
            if ".commands" in module.name and not node.name.startswith("_") and "durable=True" in ast.unparse(node):
                commands.add(one)
    while more := {one for one, used in uses.items() if one not in reached and used & reached}:
        reached |= more
    return commands - reached


def unsaid(every: list[Module]) -> set[Function]:
    """Queries that doors call, that read children's records and never say so."""
    found = queries(every)
    asked: set[Function] = set()
    for module in every:
        if module.room == "interfaces":
            asked |= calls(module.tree, "", dict_of(module))
    return {one for one in asked if reaches(one, found, "reads") and not reaches(one, found, "says")}


def planted(name: str, text: str) -> Module:
    """A module of the house that nobody wrote."""
    return Module(name, ROOT / f"{name}.py", ast.parse(text))


NEAR = [m for m in HOUSE if m.name.startswith(("domain.people.", "domain.attendance.queries"))]  # enough for a control


def test_every_query_of_a_childs_record_that_a_door_calls_says_so() -> None:
    assert unsaid(HOUSE) - set(EXEMPT) == set()


def test_nothing_is_excused_that_a_door_does_not_ask() -> None:
    asked = {one for m in HOUSE if m.room == "interfaces" for one in calls(m.tree, "", dict_of(m))}
    assert {one for one in EXEMPT if one not in asked} == set()


def test_the_search_sees_a_planted_query_and_is_calm_when_it_says_so() -> None:
    """The control: the same query, called by the same door, without and with its word."""
    door = planted("interfaces.office.peep", "from qosymsha.domain.people import queries as people\nx = people.peep()")
    for word, seen in (("", True), ("reading.saw(kind='child', ids=[])", False)):
        query = f"def peep():\n    {word or 'pass'}\n    return rows('SELECT id, uuid FROM child WHERE id = 1')"
        found = unsaid([*NEAR, door, planted("domain.people.queries.planted", query)])
        assert (("people", "peep") in found) is seen


def test_a_query_that_unseals_a_name_two_calls_away_is_seen() -> None:
    door = planted("interfaces.cli.peep", "from qosymsha.domain.attendance.queries import peep\npeep()")
    query = (
        "from qosymsha.domain.people import queries as people\ndef peep():\n    return _inner()\n"
        "def _inner():\n    return people.birth_dates([1])"
    )
    assert ("attendance", "peep") in unsaid([*NEAR, door, planted("domain.attendance.queries.planted", query)])


def test_queries_write_no_audit_row_of_their_own() -> None:
    """One row per request: a query that recorded by itself would write one of its own."""
    own = {
        module.name
        for module in HOUSE
        if re.match(r"domain\.\w+\.queries", module.name) and ("audit", "record") in named(module.tree)
    }
    assert own == set()


def test_every_command_that_writes_reaches_the_audit() -> None:
    """A function in a durable transaction of a room's commands records, or calls what does; each exception is named."""
    assert unrecorded(HOUSE) - set(UNRECORDED) == set()
    control = planted(
        "domain.people.commands.planted",
        "@transaction.atomic(durable=True)\ndef peep(*, actor, at):\n    steps.erase('child', [1])",
    )
    assert ("people", "peep") in unrecorded([*NEAR, control])
