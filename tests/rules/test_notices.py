"""Notices by rule: whom each topic concerns, quiet hours, tries, what is too late, and an SMS by its parts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest

from qosymsha.domain.messages import sms, whom
from qosymsha.domain.messages.rules import (
    NoticeRules,
    Step,
    after_hitch,
    after_quiet,
    is_pressing,
    is_too_late,
    last_day,
    rules_on,
)
from qosymsha.domain.messages.states import OUTAGES, DeliveryState, Door, Hitch
from qosymsha.domain.messages.themes import Themes, read, themes
from qosymsha.domain.messages.topics import CALL, HEARD, SILENT, every, heard, kinds
from qosymsha.domain.people.states import Channel
from qosymsha.interfaces.ui import notices, texts
from qosymsha.kernel.clock import local_instant
from tests.architecture.house import SOURCE, modules

DAY = date(2026, 11, 22)
FILE = SOURCE / "domain" / "messages" / "data" / "notice-rules.json"
RULES = rules_on(FILE.read_text("utf-8"), DAY)


def all_topics() -> set[StrEnum]:
    """Every topic of every room: each StrEnum named Topic."""
    found: set[StrEnum] = set()
    for module in modules():
        if module.name.startswith("domain.") and "class Topic(StrEnum)" in Path(module.path).read_text("utf-8"):
            found |= set(import_module(f"qosymsha.{module.name}").Topic)
    return found


def missing(topics: set[StrEnum]) -> set[StrEnum]:
    """Topics of which nobody has said whom they concern."""
    return topics - set(HEARD) - set(SILENT)


# Whom


def test_every_topic_says_for_whom_it_is_a_notice_or_why_for_nobody() -> None:
    assert missing(all_topics()) == set(), "say in domain/messages/topics.py for whom, or why for nobody"
    assert set(HEARD) & set(SILENT) == set()
    assert (set(HEARD) | set(SILENT)) - all_topics() == set(), "left over"
    assert all(len(why) > 20 for why in SILENT.values())


def test_a_planted_topic_is_seen() -> None:
    class Topic(StrEnum):
        NAP_TAKEN = "nap_taken"

    assert missing({*all_topics(), *Topic}) >= {Topic.NAP_TAKEN}


def test_no_two_rooms_tell_the_same_topic() -> None:
    values = [topic.value for topic in all_topics()]
    assert len(values) == len(set(values))


def test_every_notice_knows_its_people_its_words_and_its_page() -> None:
    sources = {Door.FAMILY: whom.CHILDREN, Door.PROVIDER: whom.PROVIDERS, Door.OFFICE: whom.PLACES | whom.ASKERS}
    for (door, kind), one in kinds().items():
        assert one.subject in sources[door] or kind == "guardianship_ended", (kind, one.subject)
        is_desks = door is Door.OFFICE and one.subject not in whom.ASKERS
        assert bool(one.roles) is (is_desks or kind.startswith("own_")), kind  # a desk's, or the child's own
        assert kind in notices._PAGES[door], kind
        assert all(f"notice.{door}.{kind}" in texts.catalogue(language) for language in texts.LANGUAGES), kind
    known = {f"notice.{door}.{kind}" for door, kind in kinds()}
    assert {key for key in texts.catalogue("kk") if key.startswith("notice.")} == known


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_no_notice_says_a_category_or_leaves_room_for_a_name(language: str) -> None:
    words = ("санат", "жетім", "мүгедек", "көпбалалы", "категори", "сирот", "инвалид", "многодет", "малообеспеч")
    english = ("category", "orphan", "disab", "large famil", "poor")
    for (door, kind), _ in kinds().items():
        text = str(texts.catalogue(language)[f"notice.{door}.{kind}"])
        assert not any(word in text.lower() for word in words + english), text
        assert set(text.split("{")[1:]) <= {part for part in text.split("{")[1:] if part.startswith(("n}", "when}"))}


def test_a_topic_is_told_only_with_the_words_it_is_meant_for() -> None:
    signed = heard("agreements.contract_signed", {"side": "family"})
    assert [(one.door, one.others) for one in signed] == [(Door.FAMILY, True), (Door.PROVIDER, False)]
    assert [one.door for one in heard("agreements.contract_signed", {"side": "provider"})] == [Door.FAMILY]
    assert heard("agreements.wait_ended", {"state": "taken"}) == []
    assert heard("nobody_knows", {}) == []


# When


@pytest.mark.parametrize(
    ("hour", "minute", "goes_on"),
    [(20, 59, None), (21, 0, (1, 8)), (23, 30, (1, 8)), (0, 0, (0, 8)), (7, 59, (0, 8)), (8, 0, None), (12, 0, None)],
)
def test_nobody_is_called_upon_at_night(hour: int, minute: int, goes_on: tuple[int, int] | None) -> None:
    at = local_instant(DAY, hour, minute)
    expected = at if goes_on is None else local_instant(DAY + timedelta(days=goes_on[0]), goes_on[1])
    assert after_quiet(at, RULES) == expected


def test_quiet_hours_of_one_day_end_on_it() -> None:
    noon = replace(RULES, quiet_from_hour=12, quiet_to_hour=14)
    assert after_quiet(local_instant(DAY, 13), noon) == local_instant(DAY, 14)
    assert after_quiet(local_instant(DAY, 23), noon) == local_instant(DAY, 23)


def test_only_what_runs_out_soon_and_is_urgent_does_not_wait_for_the_morning() -> None:
    at = local_instant(DAY, 22)
    soon, later = at + timedelta(hours=12), at + timedelta(hours=13)
    assert is_pressing(at, soon, is_urgent=True, rules=RULES)
    assert not is_pressing(at, later, is_urgent=True, rules=RULES)
    assert not is_pressing(at, soon, is_urgent=False, rules=RULES)
    assert not is_pressing(at, None, is_urgent=True, rules=RULES)


def test_what_its_day_has_overtaken_is_not_sent() -> None:
    at = local_instant(DAY, 10)
    assert is_too_late(at, at, at, RULES) is Hitch.DAY_PASSED
    assert is_too_late(at, at, at + timedelta(seconds=1), RULES) is None
    assert is_too_late(at, at - timedelta(hours=73), None, RULES) is Hitch.TOO_OLD
    assert is_too_late(at, at - timedelta(hours=72), None, RULES) is None


def step(hitch: Hitch, attempts: int = 1, **more: object) -> Step:
    at = local_instant(DAY, 10)
    asked = {"at": at, "give_up_at": at + timedelta(hours=72), "due_at": None, "rules": RULES} | more
    return after_hitch(hitch, attempts=attempts, **asked)  # type: ignore[arg-type]


def test_tries_are_spaced_by_the_plan_and_by_what_the_gateway_asks() -> None:
    at = local_instant(DAY, 10)
    waits = [step(Hitch.TIMED_OUT, n).next_try_at for n in range(1, 9)]
    assert [(one - at).seconds // 60 for one in waits if one] == [1, 5, 15, 60, 180, 360, 360, 360]
    assert step(Hitch.BUSY, 1, asked_seconds=600).next_try_at == at + timedelta(minutes=10)
    assert step(Hitch.BUSY, 1, asked_seconds=10**9, give_up_at=at + timedelta(hours=1)).next_try_at == at + timedelta(
        hours=1
    )


@pytest.mark.parametrize("hitch", Hitch)
def test_an_outage_is_waited_out_and_all_else_is_final(hitch: Hitch) -> None:
    assert (step(hitch).state is DeliveryState.WAITING) is (hitch in OUTAGES)


def test_trying_ends_with_the_rules_time_or_the_matters_own() -> None:
    at = local_instant(DAY, 10)
    assert step(Hitch.BUSY, give_up_at=at).state is DeliveryState.GIVEN_UP
    assert step(Hitch.BUSY, due_at=at).state is DeliveryState.STALE


def test_the_last_day_is_the_one_that_still_counts() -> None:
    assert last_day(local_instant(date(2026, 11, 23))) == DAY


# The rules' own form


def changed(**values: object) -> str:
    return json.dumps([json.loads(FILE.read_text("utf-8"))[0] | values])


def test_rules_are_dated_and_ours_are_marked_as_assumed() -> None:
    later = json.loads(FILE.read_text("utf-8"))[0] | {"from": "2027-01-01", "kept_days": 7}
    both = json.dumps([later, *json.loads(FILE.read_text("utf-8"))])
    assert (rules_on(both, DAY).kept_days, rules_on(both, date(2027, 1, 1)).kept_days) == (400, 7)
    assert RULES.status == "assumption"
    assert isinstance(RULES, NoticeRules)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "[1]", changed(quiet_from_hour="x"), changed(quiet_to_hour=25), changed(retry_minutes=[]),
     changed(retry_minutes=[1, "x"]), changed(**{"from": "2999-01-01"}), changed(kept_days=None), changed(source=3)],
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        rules_on(text, DAY)


# An SMS by its parts


@pytest.mark.parametrize(
    ("text", "is_plain", "parts"),
    [
        ("a" * 160, True, 1),
        ("a" * 161, True, 2),
        ("a" * 306, True, 2),
        ("a" * 307, True, 3),
        ("€" * 80, True, 1),
        ("€" * 81, True, 2),
        ("a" * 152 + "€" + "a" * 10, True, 2),
        ("a" * 152 + "€" + "a" * 152, True, 3),  # the sign of two places is not cut in two
        ("ә" * 70, False, 1),
        ("ә" * 71, False, 2),
        ("ә" * 134, False, 2),
        ("ә" * 135, False, 3),
        ("😀" * 35, False, 1),  # two units each
        ("😀" * 36, False, 2),
        ("", True, 1),
    ],
)
def test_parts_are_counted_as_the_network_counts(text: str, is_plain: bool, parts: int) -> None:
    found = sms.parts_of(text)
    assert (found.is_plain, found.parts) == (is_plain, parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Әлия, Ұлжан, Һарун, Інжу", "Aliya, Ulzhan, Harun, Inzhu"),
        ("Сіздің балаңызға орын ұсынылды", "Sizdin balanyzga oryn usynyldy"),
        ("Щука съела ёжика", "Shuka sela ezhika"),
        ("№ 5 — «12 500 ₸»", 'No  5 - "12 500 tg"'),
        ("naïve Ø", "naive ?"),
    ],
)
def test_letters_have_their_plain_form(text: str, said: str) -> None:
    assert sms.plain(text) == said


def test_a_text_stays_in_its_own_letters_while_it_is_short_enough() -> None:
    short, long = "Балаңызға орын ұсынылды.", "Балаңызға орын ұсынылды. " * 8
    assert sms.as_sent(short, 2) == short
    assert sms.as_sent(long, 2).isascii()
    assert sms.parts_of(sms.as_sent(long, 2)).parts < sms.parts_of(long).parts


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_sms_of_the_house_fits_two_parts(language: str, settings: object) -> None:
    settings.PUBLIC_ADDRESS = "https://qosymsha.example.kz"  # type: ignore[attr-defined]
    for (door, kind), one in kinds().items():
        if Channel.SMS in one.ways:
            said = notices.said(language, door, kind, 12, local_instant(DAY))
            assert sms.parts_of(notices.sms_text(language, said, door, RULES.sms_most_parts)).parts <= 2, kind
    assert {Channel.SMS, Channel.EMAIL} == CALL


# What may be off


def unsorted(found: Themes) -> set[tuple[str, str]]:
    """(door, kind) of news that leaves the page and of which nobody has said whether it may be off."""
    halves = (found.may_be_off, found.always_comes)
    said = {(door, kind) for half in halves for door, some in half.items() for named in some.values() for kind in named}
    return {(one.door.value, one.kind) for one in every() if one.ways} ^ said


def test_all_news_that_leaves_the_page_may_be_off_or_says_why_not() -> None:
    assert unsorted(themes()) == set(), (
        "say in domain/messages/data/notice-themes.json whether it may be off, or why not"
    )
    assert all(len(why) > 20 for some in themes().always_comes.values() for why in some)
    lacking = replace(themes(), may_be_off={**themes().may_be_off, "office": {}})
    assert ("office", "rules_approved") in unsorted(lacking), "the control"


def test_what_decides_of_rights_children_or_money_is_in_no_theme() -> None:
    off = {kind for some in themes().may_be_off.values() for kinds in some.values() for kind in kinds}
    words = "voucher absence guardianship refusal recover claims_held ended expired to_decide to_sign control_found"
    assert not {kind for kind in off if any(word in kind for word in words.split())}


def test_a_list_of_themes_that_says_a_kind_twice_is_none() -> None:
    twice = {"may_be_off": {"office": {"a": ["x"]}}, "always_comes": {"office": {"b": ["x"]}}}
    with pytest.raises(ValueError, match="twice"):
        read(json.dumps(twice))
    for wrong in ("[]", "{}", '{"may_be_off": 7, "always_comes": 7}'):
        with pytest.raises(ValueError, match="notice themes"):
            read(wrong)
