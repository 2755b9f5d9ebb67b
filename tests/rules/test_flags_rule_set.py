"""Red flags' section of the rule set: data that the code can read, or a fault that says where."""

import copy
import json
from importlib.resources import files

import pytest

from qosymsha.domain.programmes.document import RuleSetFault
from qosymsha.domain.programmes.rules import parse

TEXT = files("qosymsha.domain.programmes").joinpath("data", "default-rule-set.json").read_text("utf-8")


def test_the_default_has_at_least_twelve_rules_each_an_assumption_with_its_source() -> None:
    section = json.loads(TEXT)["flags"]
    assert section["status"] == "assumption"
    assert "DOMAIN.md" in section["source"]
    assert len(parse(json.loads(TEXT)).flags.rules) >= 12


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/flags/list/0/thresholds", lambda rule: rule["thresholds"].clear()),
        ("/flags/list/0/thresholds", lambda rule: rule["thresholds"].update(other=1)),
        ("/flags/list", lambda rule: rule.update(code="away", thresholds={"paper_permille": 1, "notice_permille": 1})),
        ("/flags/list/0/code", lambda rule: rule.update(code="horoscope")),
        ("/flags/list/0/weight_permille", lambda rule: rule.update(weight_permille=1000)),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_place(path: str, change) -> None:  # type: ignore[no-untyped-def]
    document = copy.deepcopy(json.loads(TEXT))
    change(document["flags"]["list"][0])
    with pytest.raises(RuleSetFault) as fault:
        parse(document)
    assert fault.value.path == path
