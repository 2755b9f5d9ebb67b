"""Second factors: a code is right once, soon, and rarely guessed; an app's code never twice; none at rest in plain."""

from __future__ import annotations

import base64
import contextlib
import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection
from django.test import override_settings

from qosymsha.domain.people import commands, queries, steps
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.commands import factors
from qosymsha.domain.people.commands.officials import Appointment
from qosymsha.domain.people.rules import CodeFacts, CodeLimits, PeopleRefusal, SignInRefusal, refuse_code
from qosymsha.domain.people.states import Role
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories import people
from tests.factories.people import AT, SYSTEM
from tests.races import at_once

pytestmark = pytest.mark.django_db
LIMITS = CodeLimits()
SOON = AT + timedelta(seconds=30)


@pytest.fixture
def guardian() -> Actor:
    return a_guardian()


def a_guardian() -> Actor:
    row = people.family(1)
    people.register(people.astana(), [row])
    user_id = commands.admit_guardian(
        actor=SYSTEM, guardian_id=people.guardian_id(row), subject="sub-1", at=AT, key=uuid4()
    )
    return queries.actor_for(user_id, AT)


@pytest.fixture
def payer() -> Actor:
    appointment = Appointment("payer-1", Role.PAYER)
    return queries.actor_for(commands.appoint(actor=SYSTEM, appointment=appointment, at=AT, key=uuid4()), AT)


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def app_code(secret: str, at: datetime) -> str:
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(at.timestamp())).decode()  # noqa: S303


# Codes


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (None, SignInRefusal.CODE_OVER),
        (CodeFacts(True, AT + timedelta(minutes=5), 0, False), None),
        (CodeFacts(False, AT + timedelta(minutes=5), 0, False), SignInRefusal.CODE_WRONG),
        (CodeFacts(True, AT + timedelta(minutes=5), 4, False), None),
        (CodeFacts(True, AT + timedelta(minutes=5), 5, False), SignInRefusal.CODE_OVER),
        (CodeFacts(True, AT + timedelta(minutes=5), 0, True), SignInRefusal.CODE_OVER),
        (CodeFacts(True, AT, 0, False), SignInRefusal.CODE_OVER),
    ],
)
def test_the_rule_of_codes(facts: CodeFacts | None, refusal: SignInRefusal | None) -> None:
    assert refuse_code(facts, AT, LIMITS) is refusal


def test_a_code_is_believed_once(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    assert made.phone == "+77000000001"
    assert len(made.code) == 6
    assert commands.prove_by_code(actor=guardian, code=made.code, at=SOON) is None
    assert commands.prove_by_code(actor=guardian, code=made.code, at=SOON) is SignInRefusal.CODE_OVER


def test_blanks_in_a_code_do_no_harm(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    assert commands.prove_by_code(actor=guardian, code=f" {made.code[:3]} {made.code[3:]} ", at=SOON) is None


def test_a_code_is_over_after_five_minutes_by_the_databases_clock(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    late = AT + timedelta(minutes=5)
    assert commands.prove_by_code(actor=guardian, code=made.code, at=late) is SignInRefusal.CODE_OVER


def test_the_sixth_guess_is_not_looked_at_even_if_right(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    for _ in range(LIMITS.tries):
        assert commands.prove_by_code(actor=guardian, code=wrong(made.code), at=SOON) is SignInRefusal.CODE_WRONG
    assert commands.prove_by_code(actor=guardian, code=made.code, at=SOON) is SignInRefusal.CODE_OVER


def test_a_new_code_ends_the_one_before(guardian: Actor) -> None:
    first, second = (commands.make_code(actor=guardian, at=AT + timedelta(seconds=n)) for n in (0, 1))
    if first.code != second.code:
        assert commands.prove_by_code(actor=guardian, code=first.code, at=SOON) is SignInRefusal.CODE_WRONG
    assert commands.prove_by_code(actor=guardian, code=second.code, at=SOON) is None


def test_another_persons_code_is_wrong(guardian: Actor, payer: Actor) -> None:
    made, _ = commands.make_code(actor=guardian, at=AT), commands.make_code(actor=payer, at=AT)
    other = rows(f"SELECT code_hash FROM one_time_code WHERE user_id = {payer.user_id}")
    assert other != rows(f"SELECT code_hash FROM one_time_code WHERE user_id = {guardian.user_id}")
    assert factors._hash(payer, made.code) != factors._hash(guardian, made.code)


def test_no_code_stands_at_rest_nor_in_the_audit(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    commands.prove_by_code(actor=guardian, code=made.code, at=SOON)
    told = str(rows("SELECT c::text FROM one_time_code c") + rows("SELECT detail::text FROM audit_event"))
    assert f'"{made.code}"' not in told
    assert made.code.encode().hex() not in told
    assert "+7700" not in told


def test_codes_are_rationed(guardian: Actor) -> None:
    for n in range(LIMITS.codes_in_window):
        commands.make_code(actor=guardian, at=AT + timedelta(minutes=n))
    with pytest.raises(Refused) as refused:
        commands.make_code(actor=guardian, at=AT + timedelta(minutes=6))
    assert refused.value.reason is SignInRefusal.TOO_MANY_CODES
    commands.make_code(actor=guardian, at=AT + timedelta(minutes=LIMITS.window_minutes + 1))


def test_guessing_on_with_new_codes_ends_at_ten_misses(guardian: Actor) -> None:
    """Ten guesses in half an hour are one chance in 100,000; without the limit on misses it would be 25."""
    for n in range(2):
        made = commands.make_code(actor=guardian, at=AT + timedelta(minutes=n))
        for _ in range(LIMITS.tries):
            commands.prove_by_code(actor=guardian, code=wrong(made.code), at=AT + timedelta(minutes=n))
    for act in (
        lambda: commands.make_code(actor=guardian, at=AT + timedelta(minutes=3)),
        lambda: commands.prove_by_code(actor=guardian, code="000000", at=AT + timedelta(minutes=3)),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.reason is SignInRefusal.TOO_MANY_TRIES


def test_without_the_limit_on_misses_guessing_goes_on(guardian: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run."""
    monkeypatch.setattr(steps, "refuse_guessing", lambda *_: None)
    for _ in range(LIMITS.misses_in_window + 1):
        commands.prove_by_code(actor=guardian, code="000000", at=AT)
    commands.make_code(actor=guardian, at=AT)


def test_an_installation_sets_its_own_limits(guardian: Actor) -> None:
    with override_settings(CODE_LIMITS={"digits": 8, "minutes": 1}):
        made = commands.make_code(actor=guardian, at=AT)
    assert len(made.code) == 8
    assert made.expires_at == AT + timedelta(minutes=1)


def test_in_production_only_a_phone_on_record_gets_a_code(payer: Actor) -> None:
    assert commands.make_code(actor=payer, at=AT).phone == ""
    with override_settings(PRODUCTION=True), pytest.raises(Refused) as refused:
        commands.make_code(actor=payer, at=AT)
    assert refused.value.reason is SignInRefusal.PHONE_MISSING


def test_whoever_holds_no_right_gets_no_code() -> None:
    with pytest.raises(Forbidden):
        commands.make_code(actor=Actor(7, "user:7"), at=AT)


# The same code from two browsers at once


def twice_at_once(actor: Actor, code: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Both answers are judged at the same moment, where nothing keeps them apart."""
    meeting = threading.Barrier(2)
    judged = factors.refuse_code

    def meet_and_judge(*args: Any) -> Any:
        verdict = judged(*args)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one waits for the lock
            meeting.wait(timeout=1)
        return verdict

    monkeypatch.setattr(factors, "refuse_code", meet_and_judge)
    act = lambda _: commands.prove_by_code(actor=actor, code=code, at=SOON)  # noqa: E731
    return at_once(act, act)


@pytest.mark.django_db(transaction=True)
def test_two_browsers_with_one_code_get_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guardian = a_guardian()
    made = commands.make_code(actor=guardian, at=AT)
    assert sorted(map(str, twice_at_once(guardian, made.code, monkeypatch))) == ["None", "code_over"]


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_one_code_lets_two_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run."""
    guardian = a_guardian()
    made = commands.make_code(actor=guardian, at=AT)
    monkeypatch.setattr(locks, "exclusive", lambda *_: None)
    assert twice_at_once(guardian, made.code, monkeypatch) == [None, None]


# Authenticator apps


def test_an_app_is_added_confirmed_and_used(payer: Actor) -> None:
    secret = commands.add_app(actor=payer, at=AT)
    assert commands.add_app(actor=payer, at=AT) == secret, "until confirmed it is shown again"
    assert not queries.has_app(payer.user_id)
    assert commands.prove_by_app(actor=payer, code=app_code(secret, AT), at=AT) is None
    assert queries.has_app(payer.user_id)
    with pytest.raises(Refused) as refused:
        commands.add_app(actor=payer, at=AT)
    assert refused.value.reason is SignInRefusal.FACTOR_THERE


def test_an_apps_code_never_counts_twice(payer: Actor) -> None:
    secret = commands.add_app(actor=payer, at=AT)
    code = app_code(secret, AT)
    assert commands.prove_by_app(actor=payer, code=code, at=AT) is None
    assert commands.prove_by_app(actor=payer, code=code, at=AT) is SignInRefusal.APP_CODE_WRONG
    later = AT + timedelta(seconds=30)
    assert commands.prove_by_app(actor=payer, code=app_code(secret, later), at=later) is None


@pytest.mark.parametrize(("age", "allowed", "believed"), [
    (0, False, True), (30, False, False), (-30, False, False),
    (0, True, True), (30, True, True), (60, True, False), (-30, True, False),
])  # fmt: skip
def test_an_apps_code_is_good_for_its_half_minute(payer: Actor, age: int, allowed: bool, believed: bool) -> None:
    """The operator may let that of the half minute before count too: the control of the default."""
    secret = commands.add_app(actor=payer, at=AT)
    code = app_code(secret, AT - timedelta(seconds=age))
    with override_settings(APP_CODE_BEFORE=allowed):
        assert (commands.prove_by_app(actor=payer, code=code, at=AT) is None) is believed


def test_an_apps_code_lives_thirty_seconds_to_the_second(payer: Actor) -> None:
    """ASVS 6.5.5. Half minutes are counted from the epoch, by the database's clock."""
    began = AT - timedelta(seconds=int(AT.timestamp()) % 30)
    secret = commands.add_app(actor=payer, at=AT)
    code = app_code(secret, began)
    assert commands.prove_by_app(actor=payer, code=code, at=began + timedelta(seconds=30)) is not None
    assert commands.prove_by_app(actor=payer, code=code, at=began + timedelta(seconds=29)) is None


@pytest.mark.parametrize("typed", ["", "abcdef", "12345", "1234567", "１２３４５６", "−12345"])
def test_nonsense_is_a_wrong_code(payer: Actor, typed: str) -> None:
    commands.add_app(actor=payer, at=AT)
    assert commands.prove_by_app(actor=payer, code=typed, at=AT) is SignInRefusal.APP_CODE_WRONG


def test_an_apps_secret_stands_sealed(payer: Actor) -> None:
    secret = base64.b32decode(commands.add_app(actor=payer, at=AT))
    (kept,) = rows("SELECT ciphertext FROM person_secret WHERE subject_kind = 'second_factor'")
    assert secret not in bytes(kept[0])
    assert secret.hex() not in str(rows("SELECT s::text FROM second_factor s"))


def test_guessing_an_apps_code_ends_at_ten_misses(payer: Actor) -> None:
    secret = commands.add_app(actor=payer, at=AT)
    for _ in range(LIMITS.misses_in_window):
        commands.prove_by_app(actor=payer, code="x", at=AT)
    with pytest.raises(Refused) as refused:
        commands.prove_by_app(actor=payer, code=app_code(secret, AT), at=AT)
    assert refused.value.reason is SignInRefusal.TOO_MANY_TRIES


def test_a_lost_app_is_ended_by_an_operator_and_its_secret_destroyed(payer: Actor) -> None:
    commands.prove_by_app(actor=payer, code=app_code(commands.add_app(actor=payer, at=AT), AT), at=AT)
    with pytest.raises(Forbidden):
        commands.end_app(actor=payer, user_id=payer.user_id, at=AT)
    commands.end_app(actor=people.actor(Role.OPERATOR), user_id=payer.user_id, at=AT)
    assert not queries.has_app(payer.user_id)
    assert rows("SELECT 1 FROM person_secret WHERE subject_kind = 'second_factor'") == []
    with pytest.raises(Refused):
        commands.end_app(actor=people.actor(Role.OPERATOR), user_id=payer.user_id, at=AT)


def test_a_guardian_needs_no_app(guardian: Actor) -> None:
    with pytest.raises(Forbidden):
        commands.add_app(actor=guardian, at=AT)


def test_every_try_is_an_event_with_its_way_and_end(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    commands.prove_by_code(actor=guardian, code=wrong(made.code), at=SOON)
    commands.prove_by_code(actor=guardian, code=made.code, at=SOON)
    told = [str(detail) for (detail,) in rows(f"SELECT detail FROM audit_event WHERE action = '{Action.PROVE_AGAIN}'")]
    assert ["true" in one.lower() for one in told] == [False, True]


def test_codes_and_tries_are_forgotten_after_thirty_days(guardian: Actor) -> None:
    made = commands.make_code(actor=guardian, at=AT)
    commands.prove_by_code(actor=guardian, code=made.code, at=SOON)
    commands.make_code(actor=guardian, at=AT + timedelta(days=1))
    assert commands.forget_tries(actor=SYSTEM, at=AT + timedelta(days=30)) == 0
    assert commands.forget_tries(actor=SYSTEM, at=AT + timedelta(days=30, minutes=1)) == 2
    assert rows("SELECT count(*) FROM one_time_code") == [(1,)]
    with pytest.raises(Forbidden):
        commands.forget_tries(actor=guardian, at=AT)


# Users and their numbers


def test_a_number_is_one_users(payer: Actor) -> None:
    number = people.number(5, "850612")
    named = Appointment("payer-1", Role.PAYER, iin=number)
    assert commands.appoint(actor=SYSTEM, appointment=named, at=AT, key=uuid4()) == payer.user_id
    assert queries.by_iin("user", [number]) == {number: payer.user_id}
    with pytest.raises(Refused) as refused:
        commands.appoint(actor=SYSTEM, appointment=Appointment("x", Role.PAYER, iin=number), at=AT, key=uuid4())
    assert refused.value.reason is PeopleRefusal.NUMBER_TAKEN
    with pytest.raises(Refused) as refused:
        commands.appoint(actor=SYSTEM, appointment=Appointment("y", Role.PAYER, iin="7" * 12), at=AT, key=uuid4())
    assert refused.value.reason is PeopleRefusal.BAD_IIN
    assert number not in str(rows("SELECT u::text FROM app_user u") + rows("SELECT e::text FROM audit_event e"))


def test_only_the_house_admits_a_guardian(guardian: Actor) -> None:
    assert guardian.guardian_id is not None
    with pytest.raises(Forbidden):
        commands.admit_guardian(actor=guardian, guardian_id=guardian.guardian_id, subject="s", at=AT, key=uuid4())


def test_a_subject_is_one_guardians(guardian: Actor) -> None:
    row = people.family(2)
    people.register(queries.territory_by_kato(people.ASTANA, people.TODAY) or 0, [row])
    with pytest.raises(Refused) as refused:
        commands.admit_guardian(actor=SYSTEM, guardian_id=people.guardian_id(row), subject="sub-1", at=AT, key=uuid4())
    assert refused.value.reason is PeopleRefusal.NOT_THE_GUARDIAN
