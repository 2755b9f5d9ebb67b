"""The office's pages of programmes and rules: drafted by form, compared, tried, approved by a second person."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers, wording
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.models import RuleDraft, RuleSet
from qosymsha.interfaces.office import rule_forms
from qosymsha.interfaces.ui import texts
from tests.factories import admission
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


class Office:
    """A city with rules in force; its officers, each in a browser of their own."""

    def __init__(self) -> None:
        self.city = admission.City(money=dict.fromkeys(admission.KINDS, 10**12))
        self.programme = self.city.programme

    def come(self, role: Role, name: str = "") -> Client:
        """Somebody of this role, with a second factor given just now."""
        user = browsing.official(role, territory_id=self.city.territory.id, name=name)
        return browsing.come_in(Client(), user, strong=True)


@pytest.fixture
def office() -> Office:
    return Office()


def shown(answer: Any, status: int = 200) -> str:
    """The page's text."""
    text = str(answer.content.decode())
    assert answer.status_code == status, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))[:600]
    return text


def post(client: Client, address: str, action: str = "", **typed: Any) -> Any:
    """Post the page's own form with what is typed over its fields."""
    page = shown(client.get(address))
    return client.post(address, fields_of(page) | browsing.form_of(page, action) | typed)


def done(answer: Any) -> str:
    """Where a POST that did its work leads; else what the page says is wrong."""
    wrong = re.findall(r'class="error"[^>]*>([^<]*)', answer.content.decode()) if answer.status_code != 302 else []
    assert (answer.status_code, wrong) == (302, [])
    return str(answer["Location"])


def fields_of(page: str) -> dict[str, Any]:
    """What stands in the fields of a page, as a browser would send it."""
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page.partition("<main")[2]):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="(\w+)"', tag)
        if name is None or (kind and kind[1] in ("checkbox", "radio") and " checked" not in tag):
            continue
        empty = "on" if kind and kind[1] == "checkbox" else ""
        found.setdefault(name[1], []).append(unescape(value[1]) if value else empty)
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL):
        found[name] = [unescape(body)]
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r'<option value="([^"]*)"', body)
        found[name] = [chosen[1]] if chosen else []
    return found


def begun(client: Client, office: Office) -> str:
    """The address of a draft just begun."""
    answer = post(client, f"/ru/office/programmes/{office.programme.uuid}/draft/")
    return done(answer)


def test_a_draft_is_written_by_form_compared_and_approved_by_somebody_else(office: Office) -> None:
    officer, approver = office.come(Role.PROGRAMME_OFFICER, "one"), office.come(Role.RULE_APPROVER, "two")
    draft = begun(officer, office)
    done(post(officer, f"{draft}sections/ages/", minimum="6"))
    page = shown(officer.get(draft))
    assert "Не младше, лет" in page
    assert texts.say("ru", "rules.policy_open") in page
    submitted = officer.post(f"{draft}submit/", browsing.form_of(page, "submit"))
    assert texts.refusal("ru", "policy_not_chosen") in shown(submitted, 409)
    form = shown(officer.get(f"{draft}sections/allocation/"))
    assert not re.search(r'name="policy" value="\w+"[^>]* checked', form)
    done(post(officer, f"{draft}sections/allocation/", policy="tiers"))
    submitted = officer.post(f"{draft}submit/", browsing.form_of(shown(officer.get(draft)), "submit"))
    made = RuleSet.objects.get(state="draft")
    assert submitted["Location"] == f"/ru/office/programmes/rules/{made.uuid}/"
    page = shown(approver.get(f"{submitted['Location']}approve/"))
    for words in ("Не младше, лет", "<td>4</td><td>6<br>", "Строго: сначала вся первая категория"):
        assert words in page
    done(post(approver, f"{submitted['Location']}approve/", looked="on"))
    made.refresh_from_db()
    assert (made.state, made.document["ages"]["minimum"], made.version) == ("approved", 6, 2)
    table = officer.get(f"{submitted['Location']}difference.csv").content.decode("utf-8-sig")
    assert 'Возраст,,"Не младше, лет",4,6,\'+2' in table


def test_an_author_who_is_also_an_approver_is_told_to_find_another_and_the_database_agrees(office: Office) -> None:
    both = browsing.official(Role.PROGRAMME_OFFICER, territory_id=office.city.territory.id, name="both")
    browsing.official(Role.RULE_APPROVER, territory_id=office.city.territory.id, name="both")
    client = browsing.come_in(Client(), both, strong=True)
    draft = begun(client, office)
    post(client, f"{draft}sections/ages/", minimum="5")
    post(client, f"{draft}sections/allocation/", policy="iterations")
    other = office.come(Role.PROGRAMME_OFFICER, "another")
    other.post(f"{draft}submit/", browsing.form_of(shown(other.get(draft)), "submit"))
    made = RuleSet.objects.get(state="draft")
    assert both in made.authors
    page = shown(client.get(f"/ru/office/programmes/rules/{made.uuid}/approve/"))
    assert texts.refusal("ru", "same_person") in page
    answer = client.post(
        f"/ru/office/programmes/rules/{made.uuid}/approve/", {"key": str(browsing.new_key()), "looked": "on"}
    )
    assert texts.refusal("ru", "same_person") in shown(answer, 422)
    made.refresh_from_db()
    assert made.state == "draft"


def test_every_section_goes_through_its_form_and_comes_back_the_same() -> None:
    document = classifiers.default_rule_set()
    for section in wording.sections():
        form = rule_forms.section_form(section, document, "kk", None)
        bound = rule_forms.section_form(section, document, "kk", _typed(form))
        assert bound.is_valid(), (section, bound.errors.as_data())
        assert documents.resolved({**document, section: bound.content()}) == document, section


def _typed(form: Any) -> Any:
    typed = QueryDict(mutable=True)
    for name in form.fields:
        value = form.initial.get(name)
        if isinstance(value, list):
            typed.setlist(name, value)
        elif value is not None and value is not False:
            typed[name] = "on" if value is True else str(value)
    return typed


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_section_field_and_value_has_its_words(language: str) -> None:
    document = classifiers.default_rule_set()
    speaker, bare = wording.Speaker(document, language), []
    for section in wording.sections():
        if wording.section_name(section, language) == section:
            bare.append(section)
        form = rule_forms.section_form(section, document, language, None)
        for name, field in form.fields.items():
            if re.fullmatch(r"[a-z]+_[a-z_]+", str(field.label)) and not name.endswith(rule_forms.GONE):
                bare.append(f"{section}.{name}")
            named = [(code, said) for code, said in getattr(field, "choices", []) if "_" in code or language != "en"]
            bare += [f"{section}.{name}={code}" for code, said in named if code and code == said]
    assert bare == []
    assert speaker.shown("ages").facts[0][1] == "4"


def test_what_somebody_else_saved_meanwhile_is_shown_beside_ones_own(office: Office) -> None:
    one, other = office.come(Role.PROGRAMME_OFFICER, "one"), office.come(Role.PROGRAMME_OFFICER, "other")
    draft = begun(one, office)
    address = f"{draft}sections/ages/"
    mine = shown(one.get(address))
    done(post(other, address, minimum="7"))
    answer = shown(one.post(address, fields_of(mine) | browsing.form_of(mine) | {"minimum": "5"}), 422)
    assert texts.refusal("ru", "rule_draft_changed") in answer
    assert "<dd>7</dd>" in answer
    assert 'name="minimum" value="5"' in answer
    assert RuleDraft.objects.get().document["ages"]["minimum"] == 7
    again = one.post(address, fields_of(answer) | browsing.form_of(answer))
    assert again.status_code == 302
    assert RuleDraft.objects.get().document["ages"]["minimum"] == 5


def test_two_people_write_different_sections_of_one_draft(office: Office) -> None:
    one, other = office.come(Role.PROGRAMME_OFFICER, "one"), office.come(Role.PROGRAMME_OFFICER, "other")
    draft = begun(one, office)
    mine = shown(one.get(f"{draft}sections/ages/"))
    post(other, f"{draft}sections/marks/", late_after_hours="48")
    done(one.post(f"{draft}sections/ages/", fields_of(mine) | browsing.form_of(mine) | {"minimum": "5"}))
    written = RuleDraft.objects.get().document
    assert (written["ages"]["minimum"], written["marks"]["late_after_hours"]) == (5, 48)


def test_a_fault_stands_at_its_field_and_one_between_sections_waits_in_the_list(office: Office) -> None:
    officer = office.come(Role.PROGRAMME_OFFICER)
    draft = begun(officer, office)
    answer = shown(post(officer, f"{draft}sections/ages/", minimum="12", maximum="9"), 422)
    assert re.search(r'id="f-maximum-error">[^<]*не может быть меньше', answer)
    done(post(officer, f"{draft}sections/mrp/", tiyn="5000"))
    written = RuleDraft.objects.get().document
    assert written["tariffs"]["list"][0]["unit_tiyn"] == 225_000
    assert "не меньше 1800000 тиын" in shown(officer.get(draft))


def test_a_row_is_added_and_taken_out(office: Office) -> None:
    officer = office.come(Role.PROGRAMME_OFFICER)
    draft = begun(officer, office)
    address = f"{draft}sections/allocation/"
    added = {"reserves.0.segment": "sport", "reserves.0.category": "orphan", "reserves.0.permille": "5"}
    done(post(officer, address, policy="iterations", **added))
    assert RuleDraft.objects.get().document["allocation"]["reserves"] == [
        {"segment": "sport", "category": "orphan", "permille": 50}
    ]
    done(post(officer, address, **{"reserves.0.gone": "on"}))
    assert RuleDraft.objects.get().document["allocation"]["reserves"] == []


def test_a_document_is_loaded_as_a_file_or_refused_with_the_place_of_its_fault(office: Office) -> None:
    officer = office.come(Role.PROGRAMME_OFFICER)
    draft = begun(officer, office)
    document = json.loads(officer.get(f"{draft}rules.json").content)
    document["ages"]["minimum"] = 8
    form = browsing.form_of(shown(officer.get(f"{draft}load/")))
    file = SimpleUploadedFile("rules.json", json.dumps(document).encode())
    done(officer.post(f"{draft}load/", form | {"file": file}))
    assert RuleDraft.objects.get().document["ages"]["minimum"] == 8
    for broken, words in ((b"{", texts.say("ru", "rules.no_json")), (b'{"schema": 1}', "<code>/")):
        form = browsing.form_of(shown(officer.get(f"{draft}load/")))
        answer = officer.post(f"{draft}load/", form | {"file": SimpleUploadedFile("rules.json", broken)})
        assert words in shown(answer, 422)


def test_a_version_goes_back_to_its_authors_with_a_reason(office: Office) -> None:
    officer, approver = office.come(Role.PROGRAMME_OFFICER), office.come(Role.RULE_APPROVER)
    draft = begun(officer, office)
    post(officer, f"{draft}sections/allocation/", policy="tiers")
    officer.post(f"{draft}submit/", browsing.form_of(shown(officer.get(draft)), "submit"))
    made = RuleSet.objects.get(state="draft")
    answer = post(approver, f"/ru/office/programmes/rules/{made.uuid}/withdraw/", reason="не согласовано")
    assert answer.status_code == 302
    assert "не согласовано" in shown(officer.get(f"/ru/office/programmes/rules/{made.uuid}/"))
    made.refresh_from_db()
    assert made.state == "withdrawn"


def test_the_order_of_rows_is_said_and_pictured(office: Office) -> None:
    page = shown(office.come(Role.AUDITOR).get(f"/en/office/programmes/rules/{office.city.rule_set.uuid}/order/"))
    assert "stands before child number 13 of “Orphan or without parental care”" in page
    assert page.count('<span class="turn k') > 300
    assert page.count('title="78. General, 1">12</span>') == 1
    assert texts.say("en", "rules.order_iteration", n=1, first=1, last=78) in page
    assert '<form method="post"' not in page.partition("<main")[2]


def test_coefficients_are_tried_before_they_are_kept_and_what_they_move_is_said(office: Office) -> None:
    officer = office.come(Role.PROGRAMME_OFFICER)
    draft = begun(officer, office)
    address, tried = f"{draft}order/", {"of-orphan": "10"}
    looked = shown(post(officer, address, **tried, do="look"))
    assert re.search(r'title="76\. [^"]+, 1">12</span>', looked)
    assert texts.say("ru", "rules.order_held", n=12) in looked
    assert RuleDraft.objects.get().document["categories"]["list"][0]["coefficient"] == 12, "looking keeps nothing"
    wrong = shown(post(officer, address, **{"of-orphan": "0"}, do="keep"), 422)
    assert 'id="f-of-orphan-error"' in wrong
    done(post(officer, address, **tried, do="keep"))
    assert RuleDraft.objects.get().document["categories"]["list"][0]["coefficient"] == 10
    page = shown(officer.get(draft))
    for words in ('<td>12</td><td>10<br><b class="by">\u22122</b>', "1–12", "1–10", "78", "76"):
        assert words in page
    assert texts.say("ru", "rules.moves_h") in page


def test_coefficients_saved_meanwhile_by_somebody_else_are_shown_beside_ones_own(office: Office) -> None:
    one, other = office.come(Role.PROGRAMME_OFFICER, "one"), office.come(Role.PROGRAMME_OFFICER, "other")
    draft = begun(one, office)
    mine = shown(one.get(f"{draft}order/"))
    done(post(other, f"{draft}order/", **{"of-orphan": "9"}, do="keep"))
    typed = fields_of(mine) | browsing.form_of(mine) | {"of-orphan": "10", "do": "keep"}
    answer = shown(one.post(f"{draft}order/", typed), 422)
    assert texts.refusal("ru", "rule_draft_changed") in answer
    assert 'name="of-orphan" id="f-of-orphan" min="1" max="1000" required value="10"' in answer
    assert texts.say("ru", "rules.order_drafted", n=9) in answer
    assert RuleDraft.objects.get().document["categories"]["list"][0]["coefficient"] == 9
