"""Every sentence exists in three languages, is used, is complete, and every refusal says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

import pytest

from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.agreements import states as agreements
from qosymsha.domain.allocation.round_terms import Policy
from qosymsha.domain.assistance.states import Act, VisitWay
from qosymsha.domain.attendance.rules import PresenceRefusal
from qosymsha.domain.attendance.states import (
    AbsenceState,
    ChangeKind,
    CheckInKind,
    HoldState,
    MarkValue,
    SessionState,
    SheetState,
    WordState,
)
from qosymsha.domain.casework.rules import GROUNDS as GROUNDS_OF_ENDING
from qosymsha.domain.casework.states import Ending, EndingState, Kind, Over
from qosymsha.domain.controls.states import CampaignState, Sanction, Strata, Unit, VisitState
from qosymsha.domain.enquiries.states import Purpose
from qosymsha.domain.errands.states import ErrandState, Phase
from qosymsha.domain.flags.states import FlagState
from qosymsha.domain.insights.queries.machine import Trouble
from qosymsha.domain.insights.rules import SUBJECTS
from qosymsha.domain.intake.states import CaseState, Ground
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.domain.messages.standing import Trouble as WayTrouble
from qosymsha.domain.messages.states import Door
from qosymsha.domain.messages.themes import themes
from qosymsha.domain.people.states import Alarm, Role, Way
from qosymsha.domain.programmes.control_rules import Controls
from qosymsha.domain.programmes.states import RuleDraftState, RuleSetState
from qosymsha.domain.providers.commands import Verdict
from qosymsha.domain.providers.rules import Mode, PaperKind
from qosymsha.domain.providers.rules.files import Ground as ReviewGround
from qosymsha.domain.providers.rules.files import Standing
from qosymsha.domain.providers.rules.running import Adaptation
from qosymsha.domain.providers.states import AccreditationState
from qosymsha.domain.settlement.ports import ReplyStatus
from qosymsha.domain.settlement.rules.statements import WAITS_FOR, Waiting
from qosymsha.domain.settlement.states import (
    ActState,
    ClaimState,
    FileState,
    LineState,
    RecoveryState,
    RefundState,
    ReplyOutcome,
    Side,
)
from qosymsha.domain.vouchers.states import EnrolmentState, VoucherState
from qosymsha.interfaces.family.leaving import WHY
from qosymsha.interfaces.office.boards.demand import WAYS
from qosymsha.interfaces.office.budget import PARTS
from qosymsha.interfaces.office.checks import FIGURES
from qosymsha.interfaces.office.dashboards import BOARDS
from qosymsha.interfaces.office.errands import PAGES as VERBS
from qosymsha.interfaces.office.errands import TALLIES
from qosymsha.interfaces.office.outside import FAULTS as CELL_FAULTS
from qosymsha.interfaces.office.outside import GROUPS as COLUMN_GROUPS
from qosymsha.interfaces.office.round_steps import NEXT, STAGES
from qosymsha.interfaces.office.templatetags.desk import CAUSES
from qosymsha.interfaces.public.searching import FIELDS
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.statement import _CLAIM_COLUMNS
from qosymsha.interfaces.ui.preferring import OFFERED
from tests.architecture.house import SOURCE, modules

CATEGORIES = {"kk": {"one", "other"}, "ru": {"one", "few", "many"}, "en": {"one", "other"}}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COLUMNS = """kind filed issued placed waiting usual_days activity district language groups places taken children first
wished per_place on_record applied free per_children km accepted left_early absent came could stayed share line month
planned committed paid payable held back earned rows family officer disputed silent categories days families flagged"""
SAID = {"waiting": "waiting granted", "fairness": "absent flagged absent_few flagged_few by_absent by_flagged"}
# Keys made at run time: their families, each whole.
TOLD = (
    "why.",
    "whyplace.",
    "choice.",
    "notice.",
)  # made of states and causes at run time: tests/interfaces/test_reasons.py
ENQUIRY = {
    "purpose": Purpose,
    "part": ("application", "voucher", "place", "month"),
    "application": ApplicationState,
    "voucher": VoucherState,
    "place": EnrolmentState,
}
GROUNDS = ("wrong_age", "medical", "papers_missing", "group_closed", "contract_unsigned")
AGREED: dict[str, Iterable[str]] = {
    "side": agreements.Side,
    "way": Way,
    "stands": ("ok", "given", "soon", "over", "missing", "late"),
    "paper": ("health_027u", "birth_certificate", "sport_insurance"),
    "refusal": agreements.RefusalState,
    "ground": GROUNDS,
    "ground_why": GROUNDS,
    "family_word": ("agrees", "objects"),
    "why_not": ("ages_out", "leaves", "no_group"),
    "word": ("yes", "no", "silent"),
    "own_word": ("yes", "no", "silent"),
    "wait": agreements.WaitState,
}
CONTROL = {
    "unit": Unit,
    "strata": Strata,
    "state": CampaignState,
    "visit": VisitState,
    "finding": Controls().findings,
    "sanction": Sanction,
    "sanction_does": Sanction,
    "verb": ("freeze", "draw", "end", "cancel"),
    "will": ("freeze", "draw", "end", "cancel"),
    "done": ("freeze", "draw", "typed", "end", "cancel"),
}
DESK = {
    "accr.state": ("waiting", *AccreditationState),
    "accr.means": ("limited", "refused", "expired", "revoked"),
    "accr.kind": PaperKind,
    "accr.standing": Standing,
    "accr.ground": ReviewGround,
    **dict.fromkeys(("accr.verdict", "accr.will", "accr.done"), Verdict),
    "desk.mode": Mode,
    "venue.has": Adaptation,
}
HELD = {
    "holds.kind": Kind,
    "holds.over": Over,
    **dict.fromkeys(("ending.what", "ending.propose", "ending.will", "ending.carry_out"), Ending),
    "ending.state": EndingState,
    "ending.ground": GROUNDS_OF_ENDING,
    "office.voucher.will": ("suspend", "resume"),
}
FAMILIES = (
    {f"round.state.{state}" for state in RoundState}
    | {f"outside.fault.{code}" for code in CELL_FAULTS}
    | {f"outside.group.{group}" for group, _ in COLUMN_GROUPS}
    | {f"ways.{one}{end}" for one in WayTrouble for end in ("", ".do")}
    | {f"money.{kind}" for kind in AccountKind if kind is not AccountKind.APPROP}
    | {f"kind.{kind}" for kind in ("creative", "sport", "educational")}
    | {f"mode.{mode}" for mode in ("demo", "trial")}
    | {f"day.{day}" for day in DAYS}
    | {f"error.{status}.{part}" for status in (400, 403, 404, 405, 409, 500, 503, "csrf") for part in ("h1", "p")}
    | {f"role.{role}" for role in Role}
    | {"youth.closed.h1", "youth.closed.p"}
    | ({f"youth.refusal.{reason}" for reason in PresenceRefusal} & set(texts.catalogue("kk")))
    | {f"alarm.{kind}" for kind in Alarm}
    | {f"{page}.{name}" for page in ("status", "office.checks.do") for name, _ in SUBJECTS}
    | {f"leave.{why}" for why in WHY}
    | {f"office.machine.{one}{end}" for one in Trouble for end in ("", ".do")}
    | {f"office.machine.now.{one}" for one in FIGURES}
    | {f"agr.{family}.{word}" for family, words in AGREED.items() for word in words}
    | {f"office.act{part}.{verb}" for part in ("", ".will") for verb in ("sign", "refuse", "invoice")}
    | {f"office.act.{verb}.done" for verb in ("sign", "refuse", "invoice")}
    | {f"prefs.channel.{channel}" for channels in OFFERED.values() for channel in channels}
    | {f"prefs.always.{door}" for door in Door}
    | {f"prefs.theme.{door}.{theme}" for door, found in themes().may_be_off.items() for theme in found}
    | {f"act.state.{state}" for state in ActState}
    | {f"act.side.{side}" for side in Side}
    | {f"act.column.{name}" for name in ("month", "children", "lessons", "tariff", "amount")}
    | {f"claim.state.{state}" for state in ClaimState}
    | {f"statement.wait.{wait}" for wait in Waiting}
    | {f"statement.whom.{whom}" for whom in WAITS_FOR.values()}
    | {f"statement.column.{name}" for name in (*_CLAIM_COLUMNS, "group", "at_most")}
    | {f"sheet.{part}.{state}" for state in SheetState for part in ("state", "meaning")}
    | {f"club.session.{state}" for state in SessionState}
    | {f"club.change.{kind}" for kind in ChangeKind}
    | {f"club.word.{word}" for word in WordState}
    | {f"{family}.{value}" for value in MarkValue for family in ("mark", "marks.short", "family.mark")}
    | {f"change.{kind}{end}" for kind in ChangeKind for end in ("", ".done")}
    | {f"change.{field}" for field in ("on", "starts", "venue", "teacher", "reason")}
    | {f"objection.{word}" for word in ("upheld", "dismissed")}
    | {f"act.{field}" for field in ("signature", "number", "issued_on", "amount")}
    | {f"act.{part}" for verb in ("sign", "refuse", "invoice") for part in (f"step.{verb}", f"{verb}.done")}
    | {f"pay.debt.{state}" for state in RecoveryState}
    | {f"office.sheet.{verb}{end}" for verb in ("pause", "resume", "void") for end in ("", ".done")}
    | {f"office.sheet.will.{verb}" for verb in ("return", "pause", "resume", "void")}
    | {f"office.claim.{verb}" for verb in ("approve", "release", "return", "reverse")}
    | {f"office.claims.{verb}.done" for verb in ("approve", "release", "return", "reverse")}
    | {f"office.claims.will.{verb}" for verb in ("approve", "release", "return", "reverse")}
    | {f"office.recovery{part}.{verb}" for part in ("", ".will") for verb in ("support", "decide")}
    | {f"office.flag.{state}" for state in FlagState}
    | {f"office.flag.done.{state}" for state in FlagState if state is not FlagState.OPEN}
    | {f"office.scan.{kind}" for kind in CheckInKind}
    | {f"office.hold.{state}" for state in HoldState}
    | {f"office.line.{state}" for state in LineState}
    | {f"office.file.state.{state}" for state in FileState}
    | {f"office.reply.{outcome}" for outcome in ReplyOutcome if outcome.startswith("held_")}
    | {f"office.reply.status.{status}" for status in ReplyStatus}
    | {f"office.trail.cause.{cause}" for cause in CAUSES}
    | {f"office.invoice.{state}" for state in ("recorded", "accepted")}
    | {f"office.tied.{kind}" for kind in AccountKind if kind is not AccountKind.APPROP}
    | {f"teaching.{code}" for code in texts.LANGUAGES}
    | {f"day.short.{day}" for day in DAYS}
    | {f"clubs.loosen.{name}" for name in FIELDS}
    | {f"club.paper.{kind}" for kind in PaperKind}
    | {f"{family}.{word}" for family, words in DESK.items() for word in words}
    | {f"accr.paper_{name}" for name in ("number", "first", "last", "scan")}
    | {f"enquiry.{family}.{word}" for family, words in ENQUIRY.items() for word in words}
    | {f"hearing.state.{state}" for state in ("live", *AbsenceState)}
    | {f"refunds.state.{state}" for state in RefundState}
    | {f"control.{family}.{word}" for family, words in CONTROL.items() for word in words}
    | {f"case.state.{state}" for state in (*CaseState, "late", "not_filed")}
    | {f"ground.{ground}" for ground in Ground}
    | {f"{family}.{way}" for way in VisitWay for family in ("assist.way", "assist.by", "help.by")}
    | {f"help.{act}" for act in Act}
    | {f"office.case.{verb}.done" for verb in ("refuse", "ask")}
    | {"equity.all"}
    | {f"figures.name.{name}" for name in BOARDS}
    | {f"figures.col.{name}" for name in COLUMNS.split()}
    | {f"figures.demand.by_{way}" for way in WAYS}
    | {f"figures.{board}.{part}" for board, parts in SAID.items() for part in parts.split()}
    | {f"figures.legend.{part}" for part in ("granted", "waiting")}
    | {f"equity.language.{code}" for code in texts.LANGUAGES}
    | {f"equity.{group}.{value}" for group in ("special", "many", "rural") for value in ("true", "false")}
    | {f"rules.state.{state}" for state in RuleSetState}
    | {f"rules.draft.{state}" for state in RuleDraftState}
    | {f"rules.diff.{part}" for part in ("section", "row", "field", "was", "now", "by")}
    | {f"rules.diff_n.{sort}" for sort in ("changed", "added", "gone")}
    | {f"rules.diff_sort.{sort}" for sort in ("added", "gone")}
    | {f"rules.{part}.{policy}" for part in ("policy", "policy_means") for policy in Policy}
    | {f"stage.name.{stage}" for stage in STAGES}
    | {f"stage.{part}.{step}" for part in ("go", "will", "done") for step in (*NEXT.values(), "refill", "cancel")}
    | {f"stage.choice_will.{step}" for step in (*NEXT.values(), "offer", "rerun", "cancel")}
    | {f"stage.{part}.{step}" for part in ("go", "done") for step in ("offer", "rerun")}
    | {f"errand.verb.{verb}" for verb in VERBS}
    | {f"errand.state.{state}" for state in ErrandState}
    | {f"errand.phase.{phase}" for phase in Phase}
    | {f"errand.tally.{name}" for name in TALLIES}
    | {f"budget.part.{part}" for part in PARTS}
    | {f"budget.december.{way}" for way in ("officer_decision", "promise_again")}
    | {f"calendar.month.{number}" for number in range(1, 13)}
    | {f"calendar.deadline.{what}" for what in ("accept", "choose", "review", "offer", "officer", "pay_day")}
    | {f"office.kind.{kind}" for kind in ("held", "place", "payable", "transit", "receivable", "paid", "posting")}
    | {f"{family}.{word}" for family, words in HELD.items() for word in words}
    | {f"office.task.held_{kind}" for kind in Kind}
    | {f"office.voucher.{verb}{end}" for verb in ("suspend", "resume") for end in ("", ".done")}
)
_REASONS = re.compile(r"\w*(Refusal|Reason|Fault)")


def reasons(tree: ast.Module) -> Iterator[str]:
    """Values of the StrEnums of a module whose names say that they are reasons."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ClassDef)
            and _REASONS.fullmatch(node.name)
            and "StrEnum" in map(ast.unparse, node.bases)
        ):
            assigned = [item.value for item in node.body if isinstance(item, ast.Assign)]
            yield from (str(value.value) for value in assigned if isinstance(value, ast.Constant))


def all_reasons() -> set[str]:
    return {reason for module in modules() for reason in reasons(module.tree)}


def test_every_reason_has_its_sentence_in_three_languages_and_none_is_left_over() -> None:
    said = texts.refusals()
    assert all_reasons() - set(said) == set(), "reasons without a sentence"
    assert set(said) - all_reasons() == set(), "sentences without a reason"
    assert {reason for reason, sentence in said.items() if set(sentence) != set(texts.LANGUAGES)} == set()


def test_the_search_for_reasons_sees_a_planted_one() -> None:
    planted = ast.parse('class NapRefusal(StrEnum):\n    """Why not."""\n    TOO_LATE = "planted_too_late"\n')
    assert set(reasons(planted)) == {"planted_too_late"}
    assert not {"planted_too_late"} & set(texts.refusals())
    assert len(all_reasons()) > 150


def test_every_refusal_is_one_sentence_that_says_what_to_do() -> None:
    """Two halves around a colon, or a comma: what is wrong, then what to do; it ends with one full stop."""
    bad = {
        (reason, language): sentence
        for reason, sentences in texts.refusals().items()
        for language, sentence in sentences.items()
        if not re.fullmatch(r"[^.!?]{7,}[:,;][^!?]{6,}\.", sentence) or not 25 <= len(sentence) <= 150
    }
    assert bad == {}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_language_keeps_to_its_own_letters(language: str) -> None:
    alphabet = {"kk": r"[әғқңөұүһі]", "ru": r"[а-яё]", "en": r"[a-z]"}[language]
    foreign = {"kk": r"[]", "ru": r"[әғқңөұүһі]", "en": r"[а-яёәғқңөұүһі]"}[language]
    whole = " ".join(sentence[language] for sentence in texts.refusals().values()).lower()
    assert re.search(alphabet, whole)
    assert foreign == r"[]" or not re.search(foreign, whole)


def test_kazakh_and_russian_sentences_are_not_copies_of_each_other() -> None:
    same = [reason for reason, said in texts.refusals().items() if len(set(said.values())) < 3]
    assert same == []
    kazakh = re.compile(r"[әғқңөұүһі]")
    assert [reason for reason, said in texts.refusals().items() if not kazakh.search(said["kk"].lower())] == []


# `{% say "key" %}`, `{% field form.name "key" %}`, `{% here "address" "key" %}`
# `{% told "key" %}` says `youth.key` to a child with an own account, where there is such a key
OWN_WORDS = re.compile(r'{% told "([^"]+)"')
KEY = re.compile(r'{% (?:say|field [\w.]+|here "[\w-]+") "([^"]+)"')


def keys_in_templates() -> set[str]:
    pages = [path.read_text("utf-8") for path in SOURCE.rglob("*.html")]
    told = {key for page in pages for key in OWN_WORDS.findall(page)}
    own = {f"youth.{key}" for key in told} & set(texts.catalogue("kk"))
    return {key for page in pages for key in KEY.findall(page)} | told | own


def keys_in_code() -> set[str]:
    calls = (n for m in modules() for n in ast.walk(m.tree) if isinstance(n, ast.Call))
    said = [n for n in calls if isinstance(n.func, ast.Attribute) and n.func.attr == "say" and len(n.args) > 1]
    keys = {n.args[1].value for n in said if isinstance(n.args[1], ast.Constant)}
    return {key for key in keys if isinstance(key, str)}


def quoted() -> set[str]:
    """Whatever stands in quotes in code and templates: keys handed on (to a form, a notice, a menu) are among it."""
    constants = (n.value for m in modules() for n in ast.walk(m.tree) if isinstance(n, ast.Constant))
    templates = " ".join(path.read_text("utf-8") for path in SOURCE.rglob("*.html"))
    return {value for value in constants if isinstance(value, str)} | set(re.findall(r'"([\w.-]+)"', templates))


def test_every_key_used_is_in_the_catalogue_and_every_key_in_it_is_used() -> None:
    told = {key for key in texts.catalogue("kk") if key.startswith(TOLD)}
    used = keys_in_templates() | keys_in_code() | FAMILIES | told
    assert used - set(texts.catalogue("kk")) == set(), "used but not written"
    assert set(texts.catalogue("kk")) - used - quoted() == set(), "written but never used"


def test_the_three_catalogues_have_the_same_keys_in_the_same_order() -> None:
    kk, ru, en = (list(texts.catalogue(language)) for language in texts.LANGUAGES)
    assert kk == ru == en


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_plural_forms_are_complete(language: str) -> None:
    forms = {key: set(said) for key, said in texts.catalogue(language).items() if not isinstance(said, str)}
    assert forms
    assert {key: found for key, found in forms.items() if found != CATEGORIES[language]} == {}


@pytest.mark.parametrize("key", list(texts.catalogue("kk")))
def test_a_sentence_has_the_same_places_in_three_languages(key: str) -> None:
    said = [texts.catalogue(language)[key] for language in texts.LANGUAGES]
    places = [
        [set(re.findall(r"{(\w+)}", text)) for text in ([one] if isinstance(one, str) else one.values())]
        for one in said
    ]
    assert len({frozenset(names) for language in places for names in language}) == 1
