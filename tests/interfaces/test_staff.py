"""Staff: rights are given, proposed, ended by operators, never to oneself; an ended one is gone at the next request."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from qosymsha.domain.factors import queries as factors
from qosymsha.domain.people import commands
from qosymsha.domain.people.models import Department, Guardianship, Membership, RoleProposal, Territory, User
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories import people as families
from tests.factories.programmes import department
from tests.factories.vouchers import make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
STAFF = "/en/office/staff/"


def operator(name: str, territory_id: int | None = None) -> tuple[Client, int]:
    user = browsing.official(Role.OPERATOR, name=name, territory_id=territory_id)
    return browsing.come_in(Client(), user, strong=True), user


def post(client: Client, address: str, **typed: str) -> Any:
    return client.post(address, {"key": str(uuid4()), **typed})


def test_a_role_is_given_shown_with_its_days_and_ended() -> None:
    client, _ = operator("op-1")
    said = post(client, f"{STAFF}appoint/", subject="aigul", role="checker", last="2099-12-31")
    assert said.status_code == 302, said.content.decode()
    shown = client.get(f"{STAFF}?q=AIG").content.decode()
    assert "aigul" in shown
    assert "31.12.2099" in shown
    (right,) = Membership.objects.filter(user__subject="aigul")
    official = browsing.come_in(Client(), right.user_id)
    assert official.get("/en/office/sheets/").status_code == 200
    ending = f"{STAFF}rights/{right.pk}/end/"
    assert "aigul" in client.get(ending).content.decode()
    assert post(client, ending).status_code == 302
    assert official.get("/en/office/sheets/").status_code == 403
    assert "aigul" not in client.get(STAFF).content.decode()


def test_a_right_is_bound_to_a_department_and_the_second_operator_reads_where() -> None:
    (first, _), (second, _) = operator("op-1"), operator("op-2")
    city = make_city()
    ours = department(city.territory_id, "sport-office")
    Department.objects.filter(pk=ours).update(name_en="Sports office")
    assert "Sports office" in first.get(f"{STAFF}appoint/").content.decode()
    assert post(first, f"{STAFF}appoint/", subject="aigul", role="checker", department=str(ours)).status_code == 302
    right = Membership.objects.get(user__subject="aigul")
    assert (right.department_id, right.territory_id) == (ours, city.territory_id)
    assert "Sports office" in first.get(f"{STAFF}?q=aigul").content.decode()
    elsewhere = Territory.objects.create(
        kato="750000000", kind="city", name_kk="Алматы", name_ru="Алматы", valid=(None, None)
    )
    answer = post(first, f"{STAFF}appoint/", subject="x", role="checker", department=str(ours), kato=elsewhere.kato)
    assert answer.status_code == 422
    assert post(first, f"{STAFF}appoint/", subject="x", role="checker", department="0").status_code == 422
    assert post(first, f"{STAFF}appoint/", subject="marat", role="payer", department=str(ours)).status_code == 302
    waiting = f"{STAFF}proposals/{RoleProposal.objects.get().uuid}/"
    assert "Sports office" in second.get(waiting).content.decode()
    assert post(second, waiting).status_code == 302
    assert Membership.objects.get(user__subject="marat").department_id == ours


def test_a_powerful_role_is_no_right_until_another_operator_gives_it() -> None:
    (first, _), (second, other) = operator("op-1"), operator("op-2")
    post(first, f"{STAFF}appoint/", subject="marat", role="payer")
    waiting = RoleProposal.objects.get()
    assert not Membership.objects.filter(user__subject="marat").exists()
    page = f"{STAFF}proposals/{waiting.uuid}/"
    refused = post(first, page)
    assert refused.status_code == 422
    assert texts.refusal("en", "proposed_by_oneself") in refused.content.decode()
    assert post(second, page).status_code == 302
    assert Membership.objects.get(user__subject="marat").role == "payer"
    assert post(second, page).status_code == 404, "decided once"
    assert RoleProposal.objects.get().decided_by == other


def test_a_refused_proposal_gives_nothing() -> None:
    (first, _), (second, _) = operator("op-1"), operator("op-2")
    post(first, f"{STAFF}appoint/", subject="marat", role="approver")
    post(second, f"{STAFF}proposals/{RoleProposal.objects.get().uuid}/", refuse="1")
    assert not Membership.objects.filter(user__subject="marat").exists()


def test_nobody_gives_a_right_to_himself() -> None:
    (client, user), (other, _) = operator("op-1"), operator("op-2")
    for role in ("checker", "payer"):
        answer = post(client, f"{STAFF}appoint/", subject="op-1", role=role)
        assert answer.status_code == 422
        assert texts.refusal("en", "right_to_oneself") in answer.content.decode()
    post(other, f"{STAFF}appoint/", subject="op-1", role="payer")
    assert post(client, f"{STAFF}proposals/{RoleProposal.objects.get().uuid}/").status_code == 422
    assert [m.role for m in Membership.objects.filter(user_id=user)] == ["operator"]


def test_the_database_refuses_one_person_for_both_steps() -> None:
    """The control run of the command's question: the same by SQL."""
    (client, user), _ = operator("op-1"), operator("op-2")
    post(client, f"{STAFF}appoint/", subject="marat", role="payer")
    with pytest.raises(IntegrityError, match="role_proposal_two_people"), transaction.atomic():
        RoleProposal.objects.update(state="given", decided_by=user, decided_at=clock.read())


def test_an_operators_own_command_gives_no_powerful_role() -> None:
    _, user = operator("op-1")
    draft = commands.Appointment("marat", Role.RULE_APPROVER)
    with pytest.raises(Refused) as refused:
        commands.appoint(actor=browsing.actor(user), appointment=draft, at=clock.read(), key=uuid4())
    assert refused.value.reason is PeopleRefusal.SECOND_PERSON_NEEDED


def test_an_operator_of_a_city_moves_no_right_beyond_it() -> None:
    here = families.astana()
    _, user = operator("op-city", here)
    wide = browsing.official(Role.CHECKER, name="wide")
    (right,) = browsing.memberships(wide)
    who = {"actor": browsing.actor(user), "at": clock.read(), "key": uuid4()}
    with pytest.raises(Forbidden):
        commands.appoint(appointment=commands.Appointment("marat", Role.CHECKER), **who)
    with pytest.raises(Forbidden):
        commands.dismiss(membership_id=right, **who)
    commands.appoint(appointment=commands.Appointment("marat", Role.CHECKER, here), **who)


def test_a_form_that_names_nothing_known_comes_back_with_its_fields() -> None:
    client, _ = operator("op-1")
    for typed in (
        {"role": "checker", "kato": "999999999"},
        {"role": "teacher", "provider": "1"},
        {"role": "system"},
        {"role": "checker", "first": "2026-12-31", "last": "2026-01-01"},
        {"role": "checker", "iin": "123"},
    ):
        answer = post(client, f"{STAFF}appoint/", subject="marat", **typed)
        assert answer.status_code == 422, typed
        assert 'aria-invalid="true"' in answer.content.decode()
    assert not User.objects.filter(subject="marat").exists()


def test_an_operator_ends_a_persons_visits_and_lost_factors() -> None:
    client, _ = operator("op-1")
    payer = browsing.official(Role.PAYER, name="demo:payer")
    uuid = User.objects.get(pk=payer).uuid
    official = Client()
    official.post("/en/sign-in/demo/", {"person": str(uuid)})
    commands.add_app(actor=browsing.actor(payer), at=clock.read())
    assert post(client, f"{STAFF}{uuid}/visits/end/").status_code == 302
    assert official.get("/en/office/").headers["Location"].startswith("/en/sign-in/")
    assert post(client, f"{STAFF}{uuid}/factors/end/").status_code == 302
    assert not factors.has_factor(payer)


def test_others_see_no_staff_page_and_the_auditor_changes_nothing() -> None:
    payer = browsing.come_in(Client(), browsing.official(Role.PAYER), strong=True)
    assert payer.get(STAFF).status_code == 403
    auditor = browsing.come_in(Client(), browsing.official(Role.AUDITOR), strong=True)
    assert "appoint/" not in auditor.get(STAFF).content.decode()
    assert auditor.get(f"{STAFF}appoint/").status_code == 403


# A right that ends for whatever reason ends the next request of the very same visit (RELIABILITY.md T5).


def _yesterday() -> tuple[date, date]:
    today = local_day(clock.read())
    return today - timedelta(days=400), today


def _ran_out(user: int) -> None:
    Membership.objects.filter(user_id=user).update(valid=_yesterday())


def _dismissed(user: int) -> None:
    for membership in browsing.memberships(user):
        commands.dismiss(actor=browsing.SYSTEM, membership_id=membership, at=clock.read(), key=uuid4())


def _disabled(user: int) -> None:
    User.objects.filter(pk=user).update(is_active=False)


REASONS = {"its days are over": _ran_out, "it was ended": _dismissed, "the account is disabled": _disabled}
HOMES = {
    Role.TEACHER: "/en/provider/", Role.PROVIDER_MANAGER: "/en/provider/", Role.CHECKER: "/en/office/",
    Role.APPROVER: "/en/office/", Role.PAYER: "/en/office/", Role.PROGRAMME_OFFICER: "/en/office/",
    Role.RULE_APPROVER: "/en/office/", Role.AUDITOR: "/en/office/", Role.OPERATOR: "/en/office/",
    Role.CLERK: "/en/office/",
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("role", HOMES)
def test_a_right_that_ends_ends_the_next_request(role: Role, reason: str) -> None:
    user = browsing.official(role)
    client = browsing.come_in(Client(), user, strong=True)
    assert client.get(HOMES[role]).status_code in (200, 404), "the control: the gate lets the right in"
    REASONS[reason](user)
    assert client.get(HOMES[role]).status_code == 403


def test_custody_that_ends_ends_the_next_request() -> None:
    row = families.family(1)
    families.register(families.astana(), [row])
    guardian = families.guardian_id(row)
    client = browsing.come_in(Client(), browsing.guardian_user(guardian))
    child = Guardianship.objects.get(guardian_id=guardian).child
    page = f"/en/family/children/{child.uuid}/readers/"
    assert client.get(page).status_code == 200
    Guardianship.objects.filter(guardian_id=guardian).update(valid=_yesterday())
    assert client.get(page).status_code == 404


def test_rights_kept_in_the_visit_would_outlive_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: with the actor remembered from the first request, an ended right goes on."""
    user = browsing.official(Role.PAYER)
    remembered = browsing.actor(user)
    client = browsing.come_in(Client(), user)
    _ran_out(user)
    assert client.get("/en/office/").status_code == 403
    monkeypatch.setattr("qosymsha.interfaces.ui.signed.people.actor_for", lambda *_: remembered)
    assert client.get("/en/office/").status_code == 200
