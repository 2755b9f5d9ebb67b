"""The rule set's document: the default for Astana, its schema, and the contradictions that no schema sees."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.programmes import classifiers, document, rules
from qosymsha.domain.programmes.rules import RuleSetFault
from qosymsha.kernel.canonical import canonical_json, digest

DEFAULT = classifiers.default_rule_set()
RULES = rules.parse(DEFAULT)


def _changed(path: str, value: Any) -> dict[str, Any]:
    """The default document with the field at `/a/0/b` set, or taken away where value is `...`."""
    made = copy.deepcopy(DEFAULT)
    *steps, last = [int(step) if step.isdigit() else step for step in path.strip("/").split("/")]
    place: Any = made
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return made


def test_the_default_rules_are_those_that_the_product_promises() -> None:
    assert (RULES.ages.minimum, RULES.ages.maximum, RULES.ages.counted_on) == (4, 17, "course_start")
    assert len(RULES.categories) == 12
    assert [c.coefficient for c in RULES.categories] == list(range(12, 0, -1))
    assert (RULES.allocation.policy, RULES.allocation.tie) == ("iterations", "lottery")
    assert [(s.code, s.kinds, s.max_live) for s in RULES.slots] == [("main", ("creative", "sport", "educational"), 1)]
    assert (RULES.timers.accept_working_days, RULES.timers.choose_working_days, RULES.timers.restore_days) == (2, 5, 28)
    assert (RULES.pay.mode, RULES.pay.partial_sheets, RULES.pay.pay_day) == ("per_lesson", True, 18)
    assert RULES.confirmation.reminder_days == (1, 3, 5)
    assert RULES.appeals_reserve_permille == 10
    assert RULES.opening == "intake_window"


def test_the_default_tariffs_are_resolved_from_the_mrp_of_2026() -> None:
    assert RULES.mrp_tiyn == 4_325_00
    assert all(t.unit_mrp * RULES.mrp_tiyn == t.unit_tiyn for t in RULES.tariffs)
    assert RULES.tariff("creative", "dombra").unit_mrp == Fraction("0.45")
    assert RULES.planning_tariff == {t.kind: t.unit_tiyn * t.units_per_month for t in RULES.tariffs}


def test_the_default_categories_are_those_of_the_classifier() -> None:
    rows = [(c.code, c.order, c.coefficient, c.evidence, c.sensitivity) for c in classifiers.categories()]
    assert [(c.code, c.order, c.coefficient, c.evidence, c.sensitivity) for c in RULES.categories] == rows


def test_every_section_says_where_it_comes_from_and_what_was_not_found_is_an_assumption() -> None:
    sections = {name: part for name, part in DEFAULT.items() if name not in ("schema", "name")}
    assert all(part["source"] for part in sections.values())
    assumed = {name for name, part in sections.items() if part["status"] == "assumption"}
    assert set(sections) - assumed == {"kinds", "slots", "service", "mrp"}


def test_the_best_category_is_the_first_in_order_and_never_a_sum() -> None:
    assert RULES.best_category(frozenset({"tsa", "orphan"})).code == "orphan"
    assert RULES.best_category(frozenset()).code == "general"


def test_an_activity_may_have_its_own_tariff() -> None:
    own = {"kind": "sport", "activity": "judo", "unit_mrp": "0.5", "unit_tiyn": 216250, "units_per_month": 12}
    priced = rules.parse(_changed("/tariffs/list", [*DEFAULT["tariffs"]["list"], own]))
    assert priced.tariff("sport", "judo").unit_tiyn == 216250
    assert priced.tariff("sport", "chess").unit_tiyn == 194625


def test_ages_may_be_counted_on_a_day() -> None:
    ages = {**DEFAULT["ages"], "counted_on": "on", "on": "2026-09-01"}
    assert rules.parse(_changed("/ages", ages)).ages.on == date(2026, 9, 1)


BROKEN: list[tuple[str, Any, str]] = [
    ("/ages", ..., "/"),
    ("/surprise", 1, "/"),
    ("/schema", "rule-set-2", "/schema"),
    ("/ages/minimum", 18, "/ages/maximum"),
    ("/ages/minimum", True, "/ages/minimum"),
    ("/ages/minimum", "4", "/ages/minimum"),
    ("/ages/counted_on", "on", "/ages/on"),
    ("/ages/on", "2026-09-01", "/ages/on"),
    ("/ages/source", ..., "/ages"),
    ("/ages/status", "sure", "/ages/status"),
    ("/name/kk", "", "/name/kk"),
    ("/name/ru", "а\u0000", "/"),
    ("/kinds/codes/0", "creative\n", "/kinds/codes/0"),
    ("/kinds/codes", ["creative", "creative"], "/kinds/codes"),
    ("/categories/list/3/coefficient", 0, "/categories/list/3/coefficient"),
    ("/categories/list/3/order", 3, "/categories/list"),
    ("/categories/list/3/code", "sen", "/categories/list"),
    ("/categories/list/11/evidence", "officer", "/categories/list"),
    ("/categories/list/0/evidence", "none", "/categories/list"),
    ("/allocation/policy", "fastest", "/allocation/policy"),
    (
        "/allocation/reserves",
        [{"segment": "sport", "category": "rich", "permille": 5}],
        "/allocation/reserves/0/category",
    ),
    ("/allocation/reserves", [{"segment": "x", "category": "sen", "permille": 5}], "/allocation/reserves/0/segment"),
    ("/allocation/reserves", [{"segment": "sport", "category": "sen", "permille": 600}] * 2, "/allocation/reserves"),
    ("/slots/list/0/kinds", ["creative", "sport"], "/slots/list"),
    ("/slots/list/0/kinds", ["creative", "sport", "educational", "meal"], "/slots/list/0/kinds"),
    ("/tariffs/list/0/unit_tiyn", 194624, "/tariffs/list/0/unit_tiyn"),
    ("/tariffs/list/0/unit_mrp", "0,45", "/tariffs/list/0/unit_mrp"),
    ("/tariffs/list/0/kind", "meal", "/tariffs/list/0/kind"),
    ("/tariffs/list/0/activity", "dombra", "/tariffs/list"),
    ("/planning_tariff/tiyn/sport", 2_335_499, "/planning_tariff/tiyn/sport"),
    ("/planning_tariff/tiyn/sport", ..., "/planning_tariff/tiyn"),
    ("/mrp/tiyn", 2**53, "/"),
    ("/mrp/tiyn", float("nan"), "/"),
    ("/timers/accept_working_days", 0, "/timers/accept_working_days"),
    ("/timers/accept_working_days", 2.5, "/timers/accept_working_days"),
    ("/absences/warn_after", 8, "/absences/release_after"),
    ("/pay/pay_day", 31, "/pay/pay_day"),
    ("/confirmation/reminder_days", [3, 1], "/confirmation/reminder_days"),
    ("/approvals/bands", [{"up_to_tiyn": 5, "approvals": 1}], "/approvals/bands"),
    ("/approvals/bands/0/approvals", 3, "/approvals/bands"),
    ("/appeals_reserve/permille", 1001, "/appeals_reserve/permille"),
    ("/year_end/cut_off_day", 32, "/year_end/cut_off_day"),
]


@pytest.mark.parametrize(("path", "value", "named"), BROKEN, ids=[f"{p}={str(v)[:20]!r}" for p, v, _ in BROKEN])
def test_a_document_that_breaks_a_rule_names_the_field(path: str, value: Any, named: str) -> None:
    with pytest.raises(RuleSetFault) as fault:
        rules.parse(_changed(path, value))
    assert fault.value.path == named
    assert fault.value.message


def test_february_has_no_thirtieth_cut_off() -> None:
    year_end = {**DEFAULT["year_end"], "cut_off_month": 2, "cut_off_day": 30}
    assert document.faults(_changed("/year_end", year_end))[0][0] == "/year_end/cut_off_day"


def test_all_faults_are_told_at_once() -> None:
    made = _changed("/ages/minimum", 18)
    made["absences"]["warn_after"] = 9
    assert [path for path, _ in document.faults(made)] == ["/ages/maximum", "/absences/release_after"]


@pytest.mark.parametrize("junk", [None, [], 5, "rules", {}, {1: 2}, {"a": {"b"}}, "\ud800"], ids=repr)
def test_junk_is_refused_without_a_traceback(junk: Any) -> None:
    with pytest.raises(RuleSetFault):
        rules.parse(junk)


def test_endless_nesting_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RuleSetFault):
        rules.parse({"schema": deep})


_LEAVES: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_PATHS = [f"/{name}/{field}" for name, part in DEFAULT.items() if isinstance(part, dict) for field in part]


@given(
    st.sampled_from(_PATHS), st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_value_anywhere_is_rules_or_a_fault(path: str, value: Any) -> None:
    with suppress(RuleSetFault):
        assert isinstance(rules.parse(_changed(path, value)), rules.Rules)


def test_the_hash_is_of_the_meaning_not_of_the_spelling() -> None:
    shuffled = dict(reversed(list(DEFAULT.items())))
    assert digest(shuffled) == digest(DEFAULT)
    whole_floats = _changed("/ages/minimum", 4.0)
    assert digest(document.read(whole_floats)) == digest(DEFAULT)
    assert type(rules.parse(whole_floats).ages.minimum) is int
    assert digest(_changed("/ages/minimum", 5)) != digest(DEFAULT)
    assert json.loads(canonical_json(DEFAULT)) == DEFAULT


def test_differences_name_path_before_and_after() -> None:
    made = _changed("/ages/minimum", 5)
    made["kinds"]["codes"].append("digital")
    del made["name"]["en"]
    assert document.differences(DEFAULT, made) == [
        ("/ages/minimum", 4, 5),
        ("/kinds/codes/3", None, "digital"),
        ("/name/en", "Astana: clubs and sections, 2026", None),
    ]
    assert document.differences(DEFAULT, DEFAULT) == []
    assert document.differences({"a": 1}, {"a": True}) == [("/a", 1, True)]


EDITS: list[Callable[[dict[str, Any]], None]] = [
    lambda d: d["allocation"].update(policy="tiers"),
    lambda d: d["allocation"].update(tie="arrived"),
    lambda d: d["allocation"]["reserves"].append({"segment": "sport", "category": "sen", "permille": 50}),
    lambda d: d["appeals_reserve"].update(permille=0),
    lambda d: d["pay"].update(mode="per_month"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_other_policies_are_rules_too(edit: Callable[[dict[str, Any]], None]) -> None:
    made = copy.deepcopy(DEFAULT)
    edit(made)
    assert rules.parse(made) != RULES
