"""Rule sets: in words and figures, against those in force, tried on the real queue, approved by a second person."""

from __future__ import annotations

import csv
import json
from collections import Counter
from io import StringIO
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.programmes import commands, queries, wording
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.document import Document
from qosymsha.domain.programmes.queries import RuleSetSeen
from qosymsha.domain.programmes.rules import Rules
from qosymsha.interfaces.files.exports import safe
from qosymsha.interfaces.office import city, ordering
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day


def _rule_set(request: SignedRequest, uuid: UUID) -> tuple[RuleSetSeen, queries.ProgrammeFacts]:
    found = queries.rule_set_seen(uuid)
    if found is None:
        raise Http404
    return found, city.programme_by_id(request, found.programme_id)


def before(found: RuleSetSeen) -> RuleSetSeen | None:
    """The rules that this set took, or would take, the place of."""
    if found.state == "draft":
        return queries.standing_on(found.programme_id, found.first, but=found.id)
    earlier = [one for one in queries.rule_sets(found.programme_id) if one.version < found.version]
    return next((one for one in earlier if one.state == "approved"), None)


@allowed(Look.PROGRAMMES)
def rule_set(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`…/rules/{uuid}/`: a rule set section by section, each with its source or the mark of an assumption."""
    found, programme = _rule_set(request, rule_set_uuid)
    speaker = wording.Speaker(found.document, request.language)
    sections = [speaker.shown(section) for section in wording.sections() if section in found.document]
    standing = before(found)
    return page(
        request,
        "office/rule_set.html",
        rule_set=found,
        programme=programme,
        sections=sections,
        assumptions=sum(one.status == "assumption" for one in sections),
        names=city.names_of(*found.authors, found.approved_by),
        standing=standing,
        **differing(standing, found.document, request.language),
        is_in_force=found.is_in_force(local_day(request.at)),
        **_deeds(request, found),
    )


def differing(standing: RuleSetSeen | None, of: Document, language: str) -> dict[str, Any]:
    """What a document changes against the rules whose place it takes: row by row, counted, and who stands elsewhere."""
    was = standing.document if standing is not None else None
    changes = wording.said_changes(was, of, language)
    counted = Counter(one.sort for one in changes)
    tally = [(f"rules.diff_n.{sort}", counted[sort]) for sort in ("changed", "added", "gone") if counted[sort]]
    sections = len({one.section for one in changes})
    return {"changes": changes, "tally": tally, "sections_n": sections, "moves": ordering.moves(was, of, language)}


def _deeds(request: SignedRequest, found: RuleSetSeen) -> dict[str, bool]:
    """What this official may do with it now; an author sees why the approval is not theirs."""
    is_draft = found.state == "draft"
    may_approve = is_draft and city.may(request, ALLOWED, Action.APPROVE_RULES, found.territory_id)
    return {
        "may_approve": may_approve and request.actor.user_id not in found.authors,
        "is_own": may_approve and request.actor.user_id in found.authors,
        "may_withdraw": is_draft and city.may(request, ALLOWED, Action.WITHDRAW_RULES, found.territory_id),
    }


@allowed(Look.PROGRAMMES)
def difference(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`/office/programmes/rules/{uuid}/difference.csv`: what it changes, for paper and spreadsheets."""
    found, _ = _rule_set(request, rule_set_uuid)
    standing = before(found)
    rows = wording.said_changes(standing.document if standing else None, found.document, request.language)
    names = ("section", "row", "field", "was", "now", "by")
    columns = [texts.say(request.language, f"rules.diff.{name}") for name in names]
    return csv_answer(f"rules-{found.version}-difference.csv", columns, [
        [one.section, one.row, one.field, one.before, one.after, one.by] for one in rows
    ])  # fmt: skip


def csv_answer(name: str, columns: list[str], rows: list[list[str]]) -> HttpResponse:
    """A table as a file that a spreadsheet opens and does not run."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@allowed(Look.PROGRAMMES)
def document(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`/office/programmes/rules/{uuid}/rules.json`: the document itself."""
    found, programme = _rule_set(request, rule_set_uuid)
    return json_answer(found.document, f"{programme.code}-rules-{found.version}.json")


def json_answer(of: Document, name: str) -> HttpResponse:
    """A document to be saved."""
    text = json.dumps(of, ensure_ascii=False, indent=1) + "\n"
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@allowed(Look.PROGRAMMES)
def order(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`/office/programmes/rules/{uuid}/order/`: who stands before whom under these rules."""
    found, programme = _rule_set(request, rule_set_uuid)
    words: dict[str, Any] = {"programme": programme, "back": "office-rule-set", "back_uuid": found.uuid}
    return page(request, "office/rule_order.html", **words, **ordering.order_words(request, found.document))


class ApproveForm(Form):
    """The approver has read what changes."""

    looked = forms.BooleanField()


@allowed(Action.APPROVE_RULES, post=Action.APPROVE_RULES)
@step_up
def approve(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`…/rules/{uuid}/approve/`: what would change, on the queue too; then the second person's word."""
    found, programme = _rule_set(request, rule_set_uuid)
    form = ApproveForm(typed(request))

    def act_on() -> object:
        return commands.approve_rule_set(actor=request.actor, rule_set_id=found.id, at=request.at, key=key_of(request))

    if attempt(request, form, act_on):
        return moved(request, "office-rule-set", found.uuid, said="rules.approved", version=found.version)
    standing, rules = before(found), ordering.rules_of(found.document)
    return page(
        request,
        "office/rules_approve.html",
        422 if form.errors else 200,
        rule_set=found,
        programme=programme,
        form=form,
        standing=standing,
        **differing(standing, found.document, request.language),
        tried=tried_shown(request, found.programme_id, rules, found.document),
        names=city.names_of(*found.authors),
        is_own=request.actor.user_id in found.authors,
    )


def tried_shown(
    request: SignedRequest, programme_id: int, rules: Rules | None, of: Document
) -> dict[str, object] | None:
    """Rules tried on the real queue, with the names of their categories; None while they contradict themselves."""
    if rules is None:
        return None
    found, speaker = admission.tried(programme_id, rules), wording.Speaker(of, request.language)
    before_places, after_places = found.places_before or {}, found.places_after or {}
    places = [
        (speaker.value("", "kind", kind), before_places.get(kind, 0), after_places.get(kind, 0))
        for kind in dict.fromkeys([*before_places, *after_places])
    ]
    categories = [(speaker.category(one.category), one) for one in found.categories]
    return {"found": found, "places": places, "categories": categories}


class WithdrawForm(Form):
    """Why nobody shall approve it."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


@allowed(Action.WITHDRAW_RULES, post=Action.WITHDRAW_RULES)
def withdraw(request: SignedRequest, rule_set_uuid: UUID) -> HttpResponse:
    """`/office/programmes/rules/{uuid}/withdraw/`: a draft goes back to its authors, with a reason."""
    found, programme = _rule_set(request, rule_set_uuid)
    form = WithdrawForm(typed(request))

    def act_on() -> object:
        return commands.withdraw_rule_set(
            actor=request.actor,
            rule_set_id=found.id,
            reason=form.cleaned_data["reason"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act_on, {"withdraw_reason_missing": "reason"}):
        return moved(request, "office-rule-set", found.uuid, said="rules.withdrawn")
    words: dict[str, object] = {"rule_set": found, "programme": programme, "form": form}
    return page(request, "office/rules_withdraw.html", 422 if form.errors else 200, **words)
