"""Why an application, or a list of wishes, stands where it stands: sentences in three languages from an explanation.

Every door says the same: the family's page, the officer's, the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from qosymsha.domain.admission.queries import ClassBefore, Explanation
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.clock import local_day


def of_application(told: Explanation, language: str) -> list[str]:
    """An application's explanation (`admission.queries.explain`) in sentences, the outcome first."""
    return [*_outcome(told, language), *_standing(told, language), *_before(told, language), *_since(told, language)]


def of_list(told: choice.Explanation, language: str) -> list[str]:
    """A list's explanation (`choice.queries.explain`) in sentences: why this group, why not the wishes before it."""
    lines = list(_list_outcome(told, language))
    if told.lottery_number:
        lines += [_wish(told, one, language) for one in told.wishes]
    for one in told.wishes:
        lines += _now(one, language)
    lines += [
        _say(
            language, "whyplace.setback", day=_day(s.at), group=_group(told, s.group_id, language), was=s.was,
            became=s.became,
        )
        for s in told.setbacks
    ]  # fmt: skip
    return [*lines, *(_list_move(move, language) for move in told.moves)]


def kind_name(kind: str, language: str) -> str:
    """A segment's name; its code where the texts have none."""
    key = f"kind.{kind}"
    return texts.say(language, key) if key in texts.catalogue(language) else kind


def category_name(code: str, language: str) -> str:
    """A category's name by the classifier; its code where that has none."""
    names = {row.code: getattr(row, f"name_{language}") or row.name_ru for row in classifiers.categories()}
    return str(names.get(code, code))


def _outcome(told: Explanation, language: str) -> Iterator[str]:
    segment = kind_name(told.segment, language)
    yield _say(language, "why.application", number=told.number, round=told.round_number, segment=segment)
    yield _say(language, f"why.state.{told.state}", reason=_reason(told.reason, language))
    if told.state == "granted" and told.how.startswith("reserve"):
        yield _say(language, "why.reserve")
    if told.category:
        name = category_name(told.category, language)
        yield _say(language, "why.category", category=name, coefficient=told.coefficient)
    if told.evidence is not None:
        yield _say(
            language,
            "why.evidence",
            source=_say(language, f"category.source.{'officer' if told.evidence.source == 'officer' else 'register'}"),
            reference=told.evidence.reference,
            first=_day(told.evidence.first_day) or "…",
            last=_day(told.evidence.last_day) or _say(language, "why.open_end"),
        )


def _standing(told: Explanation, language: str) -> Iterator[str]:
    if told.rank is None:
        return
    yield _say(language, "why.number", number=told.lottery_number)
    if told.iteration is not None and told.turn is not None:
        yield _say(language, "why.iteration", turn=told.turn, iteration=told.iteration)
    yield _say(language, "why.rank", rank=told.rank, places=told.places or 0)


def _before(told: Explanation, language: str) -> Iterator[str]:
    if told.rank is None:
        return
    yield _say(language, "why.before", count=told.rank - 1, granted=told.granted_before)
    for one in told.before:
        name = _class(one, language)
        yield _say(language, "why.before.class", name=name, count=one.applications, granted=one.granted)
    if told.last_rank is not None:
        yield _say(language, "why.last", rank=told.last_rank, number=told.last_number)


def _since(told: Explanation, language: str) -> Iterator[str]:
    if told.refilled:
        yield _say(language, "why.refilled", count=told.refilled)
    if told.position is not None:
        yield _say(language, "why.needs", count=told.position)
    for move in told.moves:
        what = _say(language, f"why.to.{move.to_state}", reason=_reason(move.cause, language))
        name, _, of_round = move.cause.partition(":")
        cause = f"why.cause.{name}"
        if cause in texts.catalogue(language):
            what += ": " + _say(language, cause, round=of_round)
        yield _say(language, "why.move", day=_day(move.at), what=what)


def _class(one: ClassBefore, language: str) -> str:
    if not one.categories:
        return _say(language, "why.before.merged")
    said = " / ".join(category_name(code, language) for code in one.categories)
    claims = ", ".join(category_name(code, language) for code in one.claims)
    return f"{said} ({claims})" if claims else said


def _list_outcome(told: choice.Explanation, language: str) -> Iterator[str]:
    yield _say(language, "whyplace.list", round=told.round_number)
    group = _group(told, told.group_id, language) if told.group_id is not None else ""
    yield _say(language, f"whyplace.state.{told.state}", group=group, reason=_reason(told.reason, language))
    names = [_say(language, f"whyplace.criterion.{name}") for name in told.criteria]
    yield _say(language, "whyplace.criteria", criteria=" → ".join(names))
    if told.lottery_number:
        yield _say(language, "whyplace.number", number=told.lottery_number)


def _wish(told: choice.Explanation, one: choice.WishStanding, language: str) -> str:
    facts = {"wish": one.wish, "group": _name(one, language), "places": one.places or 0, "place": one.place}
    if one.place is None:
        return _say(language, "whyplace.left_out", **facts)
    rank = told.wish  # counted, like `own`, among the wishes that were possible at the close
    own = sum(1 for other in told.wishes if other.place is not None and other.wish <= one.wish)
    if rank is not None and own == rank:
        return _say(language, "whyplace.given", **facts)
    if rank is not None and own > rank:
        return _say(language, "whyplace.not_needed", **facts)
    if not one.places:
        return _say(language, "whyplace.no_places", **facts)
    if one.last_place is None or one.last_place > one.place:
        return _say(language, "whyplace.missed_reserved", **facts)
    return _say(language, "whyplace.missed", last=one.last_place, **facts)


def _now(one: choice.WishStanding, language: str) -> Iterator[str]:
    if one.offer:
        yield _say(language, f"whyplace.offer.{one.offer}", group=_name(one, language))
    if one.position is not None:
        yield _say(language, "whyplace.waits", group=_name(one, language), position=one.position)


def _list_move(move: choice.Move, language: str) -> str:
    what = _say(language, f"whyplace.to.{move.to_state}")
    key = f"whyplace.cause.{move.cause.partition(':')[0]}"
    cause = _say(language, key) if key in texts.catalogue(language) else _reason(move.cause, language)
    return _say(language, "whyplace.move", day=_day(move.at), what=what, cause=cause)


def _group(told: choice.Explanation, group_id: int | None, language: str) -> str:
    return next((_name(one, language) for one in told.wishes if one.group_id == group_id), "—")


def _name(one: choice.WishStanding, language: str) -> str:
    activity = one.activity[texts.LANGUAGES.index(language)]
    return f"{activity}, {one.provider} ({one.code})"


def _reason(reason: str, language: str) -> str:
    sentences = texts.refusals().get(reason)
    return sentences[language] if sentences else "—"  # a cause by id, as who spoke for the child, is told to nobody


def _day(moment: datetime | date | None) -> str:
    if moment is None:
        return ""
    day = local_day(moment) if isinstance(moment, datetime) else moment
    return f"{day:%d.%m.%Y}"


def _say(language: str, key: str, **values: object) -> str:
    return texts.say(language, key, **values)
