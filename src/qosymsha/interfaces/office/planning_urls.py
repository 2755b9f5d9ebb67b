"""Addresses of programmes, rule sets, rounds, budget lines and the calendar, below `/{language}/office/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.office import (
    budget,
    calendar,
    choice_rounds,
    drafting,
    errands,
    programmes,
    rounds,
    rules,
    year_end,
)

_CHOICE = "rounds/choice/<uuid:round_uuid>/"
_DRAFT = "programmes/drafts/<uuid:draft_uuid>/"
_PROGRAMME = "programmes/<uuid:programme_uuid>/"
_ROUND = "rounds/<uuid:round_uuid>/"
_RULES = "programmes/rules/<uuid:rule_set_uuid>/"

urlpatterns = [
    path("programmes/", programmes.programmes, name="office-programmes"),
    path("programmes/new/", programmes.found, name="office-programme-found"),
    path(_PROGRAMME, programmes.programme, name="office-programme"),
    path(f"{_PROGRAMME}draft/", drafting.begin, name="office-draft-begin"),
    path(f"{_PROGRAMME}line/", budget.open_line, name="office-budget-line"),
    path(f"{_PROGRAMME}day/", calendar.set_day, name="office-calendar-day"),
    path(f"{_PROGRAMME}day/<str:day>/forget/", calendar.forget_day, name="office-calendar-forget"),
    path(f"{_PROGRAMME}round/", rounds.plan, name="office-round-plan"),
    path(f"{_PROGRAMME}choice-round/", choice_rounds.plan, name="office-choice-plan"),
    path(_RULES, rules.rule_set, name="office-rule-set"),
    path(f"{_RULES}difference.csv", rules.difference, name="office-rules-difference"),
    path(f"{_RULES}rules.json", rules.document, name="office-rules-json"),
    path(f"{_RULES}order/", rules.order, name="office-rules-order"),
    path(f"{_RULES}approve/", rules.approve, name="office-rules-approve"),
    path(f"{_RULES}withdraw/", rules.withdraw, name="office-rules-withdraw"),
    path(_DRAFT, drafting.draft, name="office-draft"),
    path(f"{_DRAFT}day/", drafting.day, name="office-draft-day"),
    path(f"{_DRAFT}load/", drafting.load, name="office-draft-load"),
    path(f"{_DRAFT}rules.json", drafting.document, name="office-draft-json"),
    path(f"{_DRAFT}order/", drafting.order, name="office-draft-order"),
    path(f"{_DRAFT}try/", drafting.trial, name="office-draft-try"),
    path(f"{_DRAFT}submit/", drafting.submit, name="office-draft-submit"),
    path(f"{_DRAFT}drop/", drafting.drop, name="office-draft-drop"),
    path(f"{_DRAFT}sections/<str:name>/", drafting.section, name="office-draft-section"),
    path("rounds/", rounds.rounds, name="office-rounds"),
    path(_ROUND, rounds.one_round, name="office-round"),
    path(f"{_ROUND}open/", rounds.open_round, name="office-round-open"),
    path(f"{_ROUND}close/", rounds.close_round, name="office-round-close"),
    path(f"{_ROUND}draw/", rounds.draw, name="office-round-draw"),
    path(f"{_ROUND}allocate/", rounds.allocate, name="office-round-allocate"),
    path(f"{_ROUND}publish/", rounds.publish, name="office-round-publish"),
    path(f"{_ROUND}refill/", rounds.refill, name="office-round-refill"),
    path(f"{_ROUND}cancel/", rounds.cancel, name="office-round-cancel"),
    path(_CHOICE, choice_rounds.one_round, name="office-choice-round"),
    path(f"{_CHOICE}open/", choice_rounds.open_round, name="office-choice-open"),
    path(f"{_CHOICE}close/", choice_rounds.close_round, name="office-choice-close"),
    path(f"{_CHOICE}draw/", choice_rounds.draw, name="office-choice-draw"),
    path(f"{_CHOICE}allocate/", choice_rounds.allocate, name="office-choice-allocate"),
    path(f"{_CHOICE}publish/", choice_rounds.publish, name="office-choice-publish"),
    path(f"{_CHOICE}offer/", choice_rounds.offer, name="office-choice-offer"),
    path(f"{_CHOICE}rerun/", choice_rounds.rerun, name="office-choice-rerun"),
    path(f"{_CHOICE}cancel/", choice_rounds.cancel, name="office-choice-cancel"),
    path("errands/", errands.errands, name="office-errands"),
    path("errands/<uuid:errand_uuid>/", errands.errand, name="office-errand"),
    path("errands/<uuid:errand_uuid>/withdraw/", errands.withdraw, name="office-errand-withdraw"),
    path("budget/", budget.budget, name="office-budget"),
    path(f"{_PROGRAMME}years/<int:year>/close/", year_end.close_year, name="office-year-close"),
    path("budget/<uuid:line_uuid>/plan/", budget.plan, name="office-budget-plan"),
    path("calendar/", calendar.calendar, name="office-calendar"),
]
