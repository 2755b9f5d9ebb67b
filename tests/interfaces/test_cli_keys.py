"""`qosymsha keys`: a new key for all that is sealed, then the old one may go; killed, disturbed, with a broken row."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.models import PersonSecret
from qosymsha.interfaces.cli import doctor_keys, sealed
from qosymsha.interfaces.ui import carried
from qosymsha.kernel.models import AuditEvent
from tests.factories.insights import sql
from tests.factories.keys import VALUES, Keys, keys, opened, world
from tests.interfaces.door import Run, run

__all__ = ["keys", "run"]
pytestmark = pytest.mark.django_db(transaction=True)
TRIAL = "the trial's own, fit for invented people only: "
NAMES = [one.place.table for one in sealed.TABLES]


def shown(run: Run) -> dict[str, Any]:
    said = run("keys", "show", "--json").json
    return {one["key"]: (one["state"], sum(one["rows"].values())) for one in said["keys"]}


def test_every_step_of_a_change_from_the_first_look_to_the_dropped_key(run: Run, keys: Keys) -> None:
    world()
    before, n = opened(), PersonSecret.objects.count() + 3  # and a paper, a control, an errand
    assert shown(run) == {"k1": ("first", n)}
    assert "Every row stands under k1" in run("keys", "show").out
    keys("k1", "k2")  # step 1, on all nodes: the new one behind
    assert shown(run) == {"k1": ("first", n), "k2": ("opens", 0)}
    assert "If it is a new one that waits behind the first" in run("keys", "show").out
    keys("k2", "k1")  # step 2: the new one first
    assert shown(run) == {"k2": ("first", 0), "k1": ("opens", n)}
    assert "Rows still stand under k1" in run("keys", "show").out
    assert doctor_keys.keys_line()[1:3] == (True, f"{TRIAL}k2 seals; rows still stand under k1: `qosymsha keys rotate`")
    told = run("keys", "rotate", "--batch", "3", "--json")  # step 3
    assert told.status == 0, told
    assert sum(told.json["sealed_anew"].values()) == n
    assert set(told.json["sealed_anew"]) == set(NAMES)
    assert all(told.json["sealed_anew"].values()), "a row of every table"
    assert told.json["may_be_dropped"] == ["k1"]
    assert opened() == before
    keys("k2")  # step 4: the old one gone
    assert opened() == before
    assert shown(run) == {"k2": ("first", n)}
    assert doctor_keys.keys_line()[1:3] == (True, f"{TRIAL}k2 seals, every row opens")


@pytest.mark.parametrize("forgotten", NAMES)
def test_a_table_left_out_would_not_open_without_the_old_key(
    forgotten: str, run: Run, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above, for each table: forgotten by the rotation, its rows are lost with the old key."""
    world(1)
    keys("k2", "k1")
    with monkeypatch.context() as forgetting:
        left = [one for one in sealed.TABLES if one.place.table != forgotten]
        forgetting.setattr("qosymsha.interfaces.cli.keys.TABLES", left)
        said = run("keys", "rotate")
    assert said.status == 1, "and the verb says that something is left"
    keys("k2")
    with pytest.raises(KeyError, match="k1"):
        opened()
    (name, ok, found, advice) = doctor_keys.keys_line()
    assert (name, ok) == ("keys", False)
    assert f"no setting has k1, and rows of {forgotten} stand under it" in found
    assert "put it back" in advice


def test_killed_after_a_batch_it_goes_on_where_it_was_and_nothing_is_done_twice(
    run: Run, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    world()
    before = opened()
    keys("k2", "k1")
    calls = []

    def killed(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return right(*args)

    right = steps.rotate
    with monkeypatch.context() as killing:
        killing.setattr(steps, "rotate", killed)
        assert run("keys", "rotate", "--batch", "4").status == 130
    done = set(PersonSecret.objects.filter(key_id="k2").values_list("pk", "nonce"))
    assert len(done) == 4, "the first batch stays, the second left nothing"
    said = run("keys", "rotate", "--batch", "4", "--json").json
    assert said["sealed_anew"]["person_secret"] == PersonSecret.objects.count() - 4
    assert done <= set(PersonSecret.objects.values_list("pk", "nonce")), "what was done is not done again"
    assert sum(run("keys", "rotate", "--json").json["sealed_anew"].values()) == 0
    events = AuditEvent.objects.filter(action="rotate_secrets")
    assert sum(event.detail["rows"] for event in events) == PersonSecret.objects.count()
    keys("k2")
    assert opened() == before


@pytest.mark.parametrize("is_control", [False, True], ids=["locked", "control"])
def test_a_record_changed_meanwhile_is_not_overwritten(
    is_control: bool, run: Run, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes a person's record between the rotation's reading and its writing; the control takes no lock."""
    world()
    keys("k2", "k1")
    changed = PersonSecret.objects.filter(subject_kind="child").latest("id")
    plain = b'{"surname": "Changed"}'
    written = threading.Event()

    def write() -> None:
        with transaction.atomic():
            steps.seal("child", [steps.SecretRow(changed.subject_id, plain, changed.lookup)])
        written.set()
        connection.close()

    writer, right = threading.Thread(target=write), sealed.resealing.resealed

    def between(*args: Any) -> Any:
        found = right(*args)
        if not writer.ident:
            writer.start()
            assert written.wait(1 if not is_control else 20) is is_control, "with the lock the writer waits"
        return found

    monkeypatch.setattr(steps.resealing, "resealed", between)
    if is_control:
        assert steps._STALE.endswith("FOR UPDATE SKIP LOCKED")
        monkeypatch.setattr(steps, "_STALE", steps._STALE.removesuffix("FOR UPDATE SKIP LOCKED"))
    assert run("keys", "rotate").status == 0
    writer.join(20)
    assert written.is_set()
    now = queries.unseal("child", [changed.subject_id])[changed.subject_id]
    assert (now == plain) is not is_control, "the control: without the lock the change is lost"


def test_a_row_in_somebodys_hands_is_passed_by_and_told_and_the_next_run_takes_it(run: Run, keys: Keys) -> None:
    world()
    keys("k2", "k1")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            PersonSecret.objects.select_for_update().earliest("id")
            held.set()
            let_go.wait(60)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    said = run("keys", "rotate")
    let_go.set()
    holder.join(20)
    assert said.status == 1
    assert "1 row stands still under an older key, in somebody's hands or stored meanwhile: run it again" in said.out
    assert PersonSecret.objects.filter(key_id="k1").count() == 1
    assert run("keys", "rotate").status == 0


def test_a_row_that_does_not_open_is_named_and_the_others_go_on(run: Run, keys: Keys) -> None:
    world()
    keys("k2", "k1")
    first = PersonSecret.objects.earliest("id").pk
    sql(f"UPDATE person_secret SET nonce = '\\x00' || substr(nonce, 2) WHERE id = {first}")
    sql("UPDATE document_content SET nonce = '\\x0102'")  # not even a nonce
    for _ in range(2):  # again and again, as long as it is not mended
        said = run("keys", "rotate", "--batch", "2")
        assert said.status == 1
        assert f"person_secret, id {first}: does not open" in said.out
        assert "document_content, id" in said.out
        assert "run it again" not in said.out
        assert "may be dropped" not in said.out
        assert PersonSecret.objects.exclude(key_id="k2").count() == 1
    assert run("keys", "rotate", "--json").json["unopened"]["person_secret"] == [first]
    event = AuditEvent.objects.filter(action="rotate_secrets").latest("id")
    assert (event.detail["unopened"], event.subject_ids) == (1, [first])


def test_a_key_that_no_setting_has_is_told_by_all_three_and_the_others_go_on(run: Run, keys: Keys) -> None:
    world()
    keys("k0")
    with transaction.atomic():
        steps.seal("application", [steps.SecretRow(1, b"ticket")])
    lost = PersonSecret.objects.get(key_id="k0").pk
    keys("k2", "k1")
    told = run("keys", "show")
    assert told.status == 1
    assert "MISSING: rows stand under it and no setting has it" in told.out
    assert "person_secret: 1 row stands under k0, which no setting has" in told.out
    assert f"the first has id {lost}." in told.out
    assert run("keys", "show", "--json").json["missing"] == ["k0"]
    said = run("keys", "rotate")
    assert said.status == 1
    assert f"the first has id {lost}." in said.out
    assert PersonSecret.objects.filter(key_id="k2").count() == PersonSecret.objects.count() - 1
    assert "WRONG keys: no setting has k0, and rows of person_secret stand under it" in run("doctor", "--quick").out
    keys("k2", "k1", "k0")
    assert (run("keys", "show").status, run("keys", "rotate").status, doctor_keys.keys_line()[1]) == (0, 0, True)


def test_a_retyped_value_is_told_and_no_row_is_lost(run: Run, keys: Keys) -> None:
    """Under the old id stands another value: nothing opens, so nothing is written, and the right value mends it."""
    world()
    before = opened()
    keys("k2", "k1", k1=b"\7" * 32)
    with pytest.raises(InvalidTag):
        opened()
    said = run("keys", "rotate")
    assert said.status == 1
    assert "or the setting has another value under its key's id" in said.out
    assert not PersonSecret.objects.filter(key_id="k2").exists()
    keys("k2", "k1")
    assert run("keys", "rotate").status == 0
    assert opened() == before


@pytest.mark.parametrize(
    ("ids", "values", "told"),
    [
        (("k2", "k1"), {"k2": b"\2" * 16}, "key k2 has 16 bytes"),
        (("k2", "k1"), {"k2": VALUES["k1"]}, "k2 and k1 are one key under two ids"),
        ((), {}, "QOSYMSHA_SECRET_KEYS is not set"),
    ],
)
def test_keys_that_cannot_be_right_are_refused_before_anything_is_sealed(
    ids: tuple[str, ...], values: dict[str, bytes], told: str, run: Run, keys: Keys
) -> None:
    world(1)
    keys(*ids, **values)
    said = run("keys", "rotate")
    assert said.status == 2
    assert told in said.err
    seen = run("keys", "show", "--json")
    assert (seen.status, seen.json["ok"]) == (1, False)
    assert told in seen.json["unfit"][0]
    assert doctor_keys.keys_line()[1] is False
    assert not PersonSecret.objects.filter(key_id="k2").exists()


def test_no_value_of_a_key_is_ever_printed(run: Run, keys: Keys) -> None:
    world(1)
    keys("k2", "k1")
    words = [run("keys", "show"), run("keys", "show", "--json"), run("keys", "rotate"), run("doctor", "--quick")]
    for said in words:
        assert not any(value.hex()[:16] in said.out + said.err for value in VALUES.values())


def test_what_is_printed_or_carried_by_a_browser_opens_as_long_as_its_key_stays(keys: Keys) -> None:
    """A voucher's printed code among them: docs/runbooks/keys.md says when its key may go."""
    code = carried.seal(["V-1", "С. Ә."], "voucher paper")
    keys("k2", "k1")
    assert carried.unseal(code, "voucher paper") == ["V-1", "С. Ә."]
    keys("k2")
    assert carried.unseal(code, "voucher paper") is None
