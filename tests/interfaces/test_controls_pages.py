"""Controls on their pages: from the plan to the public sample, each step by who may; nothing is told before the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from qosymsha.domain.controls.models import ControlCampaign, ControlVisit
from qosymsha.domain.people.states import Role
from tests.architecture.house import ROOT
from tests.factories import uploads
from tests.factories.controls import drawn, found, visits
from tests.factories.vouchers import City, add_group, enrolled, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
HOME = "/en/office/controls/"


@pytest.fixture
def city() -> City:
    made = make_city()
    for _ in range(3):
        enrolled(made, add_group(made), 1)
    return made


def come(city: City, role: Role, name: str = "") -> Client:
    user = browsing.official(role, territory_id=city.territory_id, name=name or f"{role}:pages")
    return browsing.come_in(Client(), user, strong=True)


def manager(city: City, provider_id: int | None = None) -> Client:
    user = browsing.official(
        Role.PROVIDER_MANAGER, provider_id=provider_id or city.provider_id, name=f"m:{provider_id}"
    )
    return browsing.come_in(Client(), user)


def text(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status, (where, answer.status_code)
    return unescape(answer.content.decode())


def press(client: Client, where: str, status: int = 302, **said: Any) -> Any:
    sent = browsing.form_of(client.get(where).content.decode())
    answer = client.post(where, sent | said)
    assert answer.status_code == status, unescape(answer.content.decode())[-3000:]
    return answer


def test_a_control_from_the_plan_to_a_sample_that_anyone_draws_again(city: City, tmp_path: Path) -> None:
    officer, checker, public = come(city, Role.PROGRAMME_OFFICER), come(city, Role.CHECKER), Client()
    form = text(officer, f"{HOME}plan/")
    (programme,) = re.findall(r'<option value="([0-9a-f-]{36})"', form)
    press(
        officer, f"{HOME}plan/", programme=programme, unit="group", strata="all", first="2026-09-01",
        last="2026-09-30", size="2", beacon="",
    )  # fmt: skip
    campaign = ControlCampaign.objects.get()
    at = f"{HOME}{campaign.uuid}/"
    page = f"/en/controls/{campaign.uuid}/"
    assert text(public, page, 404)
    assert "2 of 3" in text(officer, f"{at}freeze/")  # what the step will do, before it is done
    press(officer, f"{at}freeze/")
    campaign.refresh_from_db()
    assert bytes(campaign.root or b"").hex() in text(public, page)
    press(officer, f"{at}draw/")
    one, two = visits(campaign.uuid)
    names = [str(visit.unit) for visit in (one, two)]
    assert text(public, f"{page}campaign.json", 404)
    assert not any(name in text(public, page) for name in names)
    assert "Nothing was found" in text(manager(city), "/en/provider/controls/")  # nor that it is drawn
    assert text(checker, f"{HOME}visits/{one.uuid}/").count("<form") > 1
    refused = press(checker, f"{HOME}visits/{one.uuid}/", 422, present="", finding="", note="")
    assert "how many children" in refused.content.decode()
    told = {"present": "2", "finding": "absent_children", "note": "two of twelve"}
    no_picture = SimpleUploadedFile("hall.png", b"<script>")
    press(checker, f"{HOME}visits/{one.uuid}/", 422, **told, picture=no_picture)
    press(checker, f"{HOME}visits/{one.uuid}/", **told, picture=SimpleUploadedFile("hall.png", uploads.png()))
    kept = officer.get(f"{HOME}visits/{one.uuid}/picture/")
    assert (kept.status_code, kept.headers["Content-Type"]) == (200, "image/png")
    assert officer.get(f"{HOME}visits/{two.uuid}/picture/").status_code == 404
    press(checker, f"{HOME}visits/{two.uuid}/", present="9", finding="", note="")
    press(manager(city), f"/en/provider/controls/{one.uuid}/", answer="a bus was late")
    assert "a bus was late" in text(officer, f"{HOME}visits/{one.uuid}/")
    assert "own visit" in text(checker, f"{HOME}visits/{one.uuid}/decide/")
    press(officer, f"{HOME}visits/{one.uuid}/decide/", sanction="warning", reason="next time call")
    press(officer, f"{at}end/")
    shown = text(public, page)
    assert "Fewer children than marked" in shown
    assert "Warning" in shown
    document = public.get(f"{page}campaign.json")
    assert json.loads(document.content)["sample"] == names
    (tmp_path / "campaign.json").write_bytes(document.content)
    script = [sys.executable, "-I", str(ROOT / "verify/sample.py"), str(tmp_path / "campaign.json")]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (run.returncode, "as promised" in run.stdout) == (0, True), run.stdout
    assert "Warning" in text(manager(city), f"/en/provider/controls/{one.uuid}/")


def test_who_may_not_is_told_nothing(city: City) -> None:
    uuid = drawn(city)
    (visit,) = visits(uuid)
    for role in (Role.PAYER, Role.APPROVER, Role.CLERK):
        assert come(city, role).get(HOME).status_code == 403
    assert come(city, Role.AUDITOR).get(f"{HOME}{uuid}/").status_code == 200
    assert come(city, Role.AUDITOR).post(f"{HOME}visits/{visit.uuid}/", {}).status_code == 403
    assert come(city, Role.CHECKER).get(f"{HOME}plan/").status_code == 403
    elsewhere = browsing.official(Role.CHECKER, territory_id=make_city().territory_id, name="elsewhere")
    stranger = browsing.come_in(Client(), elsewhere)
    assert stranger.get(f"{HOME}{uuid}/").status_code == 404
    assert stranger.get(f"{HOME}visits/{visit.uuid}/").status_code == 404
    assert manager(city).get(f"/en/provider/controls/{visit.uuid}/").status_code == 404  # drawn, not yet visited
    found(city, visit)
    assert manager(city).get(f"/en/provider/controls/{visit.uuid}/").status_code == 200  # control: it is there now
    assert manager(city, city.provider_id + 7).get(f"/en/provider/controls/{visit.uuid}/").status_code == 404
    assert ControlVisit.objects.get().state == "found"


def test_a_typed_beacon_takes_two_officers_on_the_page(city: City) -> None:
    officer = come(city, Role.PROGRAMME_OFFICER)
    (programme,) = re.findall(r'<option value="([0-9a-f-]{36})"', text(officer, f"{HOME}plan/"))
    told = {"programme": programme, "unit": "provider", "strata": "all", "first": "2026-09-01", "last": "2026-09-30"}
    press(officer, f"{HOME}plan/", 422, **told, size="1", beacon="typed:")
    press(officer, f"{HOME}plan/", **told, size="1", beacon="typed:lottery 7")
    at = f"{HOME}{ControlCampaign.objects.get().uuid}/"
    press(officer, f"{at}freeze/")
    press(officer, f"{at}draw/", value="4 8 15")
    assert "second" in text(officer, at)
    press(officer, f"{at}draw/", 422, value="4 8 15")
    press(come(city, Role.PROGRAMME_OFFICER, "another"), f"{at}draw/", value="4  8 15")
    assert ControlCampaign.objects.get().state == "drawn"
