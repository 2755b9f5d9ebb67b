"""Begin a visit, prove it, confirm each act in it, end it. A failed try is stored, so it is returned, not raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.assistance.access import ALLOWED, Action
from qosymsha.domain.assistance.models import ABOUT, AssistedAct, AssistedVisit
from qosymsha.domain.assistance.queries import day_began, limits
from qosymsha.domain.assistance.rules import (
    AssistanceRefusal,
    Day,
    VisitFacts,
    refuse_code,
    refuse_start,
    refuse_visit,
)
from qosymsha.domain.assistance.states import Act, VisitWay
from qosymsha.domain.documents import steps as documents
from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.people.rules import person_of
from qosymsha.domain.people.states import Alarm
from qosymsha.kernel import audit, cipher, entropy, idempotency, iin, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_VISIT, _ACT = "visit", "act"
_DIGITS = 6
_CONSENT_YEARS = 5


@dataclass(frozen=True, slots=True)
class Coming:
    """Whom a clerk has before him: the number as typed, the point, how it is proved; a scanned consent by paper."""

    iin: str
    point_id: int | None
    way: VisitWay
    paper: bytes = b""


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code to hand to a `CodeSender` once the transaction is over; kept nowhere in plain."""

    code: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A visit begun, and the code to send where there is somebody to send it to; or why it was not begun."""

    uuid: UUID | None
    code: SentCode | None = None
    refusal: AssistanceRefusal | None = None


@transaction.atomic(durable=True)
def begin_visit(*, actor: Actor, coming: Coming, at: datetime, key: UUID) -> Begun:
    """Begin a visit. A number of nobody here begins one like any other: it is only never proved.

    Raises:
        Forbidden: the actor is no clerk.
        Refused: the number cannot be one (said of any number alike); no paper; or a DocumentRefusal.
    """
    require(actor, Action.BEGIN_VISIT, ALLOWED)
    number = _readable(coming.iin)
    if coming.way is VisitWay.PAPER and not coming.paper:
        raise Refused(AssistanceRefusal.PAPER_NEEDED)
    locks.exclusive(f"assistance:{actor.user_id}")
    body = [cipher.lookup("begin_visit", number).hex(), coming.point_id, coming.way.value]
    seen = idempotency.repeat(actor=actor, verb="begin_visit", key=key, body=body, at=at)
    if seen is not None:
        return Begun(UUID(seen))
    refusal = refuse_start(_day(actor, at), coming.way, limits())
    if refusal is not None:
        _stopped(actor, at, refusal)
        return Begun(None, refusal=refusal)
    guardian = _guardian(actor, number)
    visit = AssistedVisit.objects.create(
        clerk_id=actor.user_id, guardian=guardian, point_id=coming.point_id, way=coming.way, made_at=at
    )
    code = None
    if coming.way is VisitWay.PAPER:
        _prove_by_paper(actor, visit, coming, at)
    else:
        code = _code(visit, _VISIT, at)
    _record(actor, Action.BEGIN_VISIT, visit, at, {"way": coming.way.value})
    idempotency.keep(actor=actor, verb="begin_visit", key=key, outcome=str(visit.uuid))
    return Begun(visit.uuid, code)


def _readable(typed: str) -> str:
    try:
        return iin.person("".join(typed.split()), synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    except iin.NumberError:
        raise Refused(AssistanceRefusal.BAD_NUMBER) from None


def _day(actor: Actor, at: datetime) -> Day:
    today = AssistedVisit.objects.filter(clerk_id=actor.user_id, made_at__gte=day_began(at))
    proved = today.exclude(proved_at=None)
    families = proved.values("guardian_id").distinct().count()
    return Day(families, today.count(), proved.filter(way=VisitWay.PAPER).count())


def _stopped(actor: Actor, at: datetime, refusal: AssistanceRefusal) -> None:
    """Write the stop down, and tell the auditor of an account that helps too many families."""
    audit.record(
        actor=actor,
        at=at,
        action=Action.BEGIN_VISIT,
        subject_kind="user",
        subject_ids=[actor.user_id],
        detail={"refused": refusal.value},
    )
    if refusal is AssistanceRefusal.TOO_MANY_FAMILIES:
        people_steps.alarm(Alarm.ASSISTANCE_STOPPED, actor.user_id, [], at)


def _guardian(actor: Actor, number: str) -> Guardian | None:
    """The guardian of this number in the clerk's own territory."""
    found = Guardian.objects.filter(pk=people.by_iin("guardian", [number]).get(number, 0)).first()
    if found is None or not actor.holds(ALLOWED[Action.BEGIN_VISIT], territory_id=found.territory_id):
        return None
    return found


def _prove_by_paper(actor: Actor, visit: AssistedVisit, coming: Coming, at: datetime) -> None:
    today = local_day(at)
    documents.keep_document(
        actor=actor,
        purpose="consent",
        about=documents.About(ABOUT, visit.pk),
        content=coming.paper,
        at=at,
        keep_until=date(today.year + _CONSENT_YEARS, today.month, min(today.day, 28)),
    )
    if visit.guardian_id is not None:
        visit.proved_at = at
        visit.save(update_fields=["proved_at"])


def _code(visit: AssistedVisit, purpose: str, at: datetime) -> SentCode | None:
    """Put a new code in the place of the last; None where there is nobody, or no phone on record in production."""
    code = str(int.from_bytes(entropy.token(8), "big") % 10**_DIGITS).zfill(_DIGITS)
    visit.code_hash, visit.code_is_for = _hash(visit, purpose, code), purpose
    visit.code_expires_at = at + timedelta(minutes=limits().code_minutes)
    # Before the proof a new code gives no new tries: a clerk alone with a number must not guess on.
    visit.codes, visit.tries = visit.codes + 1, 0 if purpose == _ACT else visit.tries
    visit.save(update_fields=["code_hash", "code_is_for", "code_expires_at", "codes", "tries"])
    plain = people.unseal("guardian", [visit.guardian_id]).get(visit.guardian_id) if visit.guardian_id else None
    if visit.guardian is None or plain is None:
        return None
    phone = person_of(plain).phone
    return SentCode(code, phone, visit.guardian.language) if phone or not settings.PRODUCTION else None


def _hash(visit: AssistedVisit, purpose: str, code: str) -> bytes:
    return cipher.lookup("assisted visit", f"{visit.uuid}:{purpose}:{code}")


@transaction.atomic(durable=True)
def send_visit_code(*, actor: Actor, visit_uuid: UUID, at: datetime) -> SentCode | None:
    """A new code: to prove the visit, or once it is proved for the next act. None: there is nobody to send it to.

    Raises:
        Forbidden: the actor is no clerk.
        Refused: no such visit of the clerk's own, over, proved by paper, or too many codes.
    """
    visit = _own(actor, Action.SEND_CODE, visit_uuid)
    if visit.proved_at is not None:
        _require_open(visit, at)
    if visit.way == VisitWay.PAPER or visit.ended_at is not None:
        raise Refused(AssistanceRefusal.VISIT_OVER)
    if visit.codes >= limits().codes_a_visit:
        raise Refused(AssistanceRefusal.TOO_MANY_CODES)
    code = _code(visit, _ACT if visit.proved_at else _VISIT, at)
    _record(actor, Action.SEND_CODE, visit, at, {})
    return code


@transaction.atomic(durable=True)
def prove_visit(*, actor: Actor, visit_uuid: UUID, code: str, at: datetime) -> AssistanceRefusal | None:
    """Judge the code that the guardian read out; None: proved. Every answer counts as a try, also a wrong one.

    Raises:
        Forbidden: the actor is no clerk.
        Refused: no such visit of the clerk's own, or it is over.
    """
    visit = _own(actor, Action.PROVE_VISIT, visit_uuid)
    if visit.ended_at is not None:
        raise Refused(AssistanceRefusal.VISIT_OVER)
    if visit.proved_at is not None:
        return None
    refusal = _judged(visit, _VISIT, code, at)
    if refusal is None:
        visit.proved_at = at
        visit.save(update_fields=["proved_at"])
    _record(actor, Action.PROVE_VISIT, visit, at, {"passed": refusal is None})
    return refusal


@transaction.atomic(durable=True)
def confirm_act(  # noqa: PLR0913 - who, in which visit, what, by which word, when, once
    *, actor: Actor, visit_uuid: UUID, act: Act, subject: UUID, code: str, at: datetime, key: UUID
) -> AssistedAct | AssistanceRefusal:
    """The guardian's own word for one act: a code of its own, or the paper that names it. Repeated, the first answer.

    Raises:
        Forbidden: the actor is no clerk.
        Refused: no such visit of the clerk's own, not proved, or over.
    """
    visit = _own(actor, Action.CONFIRM_ACT, visit_uuid)
    body: Sequence[str] = [str(visit_uuid), act.value, str(subject)]
    seen = idempotency.repeat(actor=actor, verb="confirm_assisted_act", key=key, body=body, at=at)
    if isinstance(seen, int):
        return AssistedAct.objects.get(pk=seen)
    _require_open(visit, at)
    refusal = None if visit.way == VisitWay.PAPER else _judged(visit, _ACT, code, at)
    _record(actor, Action.CONFIRM_ACT, visit, at, {"act": act.value, "passed": refusal is None})
    if refusal is not None:
        # Said again under the same key another code may be typed: only a word that was given is kept.
        idempotency.keep(actor=actor, verb="confirm_assisted_act", key=key, outcome=refusal.value)
        return refusal
    given = AssistedAct.objects.create(visit=visit, act=act, subject=subject, at=at)
    idempotency.keep(actor=actor, verb="confirm_assisted_act", key=key, outcome=given.pk)
    return given


@transaction.atomic(durable=True)
def end_visit(*, actor: Actor, visit_uuid: UUID, at: datetime) -> None:
    """End a visit; ended twice it stays ended.

    Raises:
        Forbidden: the actor is no clerk.
        Refused: no such visit of the clerk's own.
    """
    visit = _own(actor, Action.END_VISIT, visit_uuid)
    if visit.ended_at is None:
        visit.ended_at = at
        visit.save(update_fields=["ended_at"])
        _record(actor, Action.END_VISIT, visit, at, {})


def _own(actor: Actor, action: Action, visit_uuid: UUID) -> AssistedVisit:
    require(actor, action, ALLOWED)
    rows = AssistedVisit.objects.select_for_update(of=("self",)).select_related("guardian")
    visit = rows.filter(uuid=visit_uuid, clerk_id=actor.user_id).first()
    if visit is None:
        raise Refused(AssistanceRefusal.VISIT_UNKNOWN)
    return visit


def _require_open(visit: AssistedVisit, at: datetime) -> None:
    reason = refuse_visit(VisitFacts(visit.proved_at, visit.ended_at, None, 0), at, limits())
    if reason is not None:
        raise Refused(reason)


def _judged(visit: AssistedVisit, purpose: str, code: str, at: datetime) -> AssistanceRefusal | None:
    """Judge a typed code; the try is counted, a code that fits is used up. With nobody behind it none fits."""
    typed = _hash(visit, purpose, "".join(code.split()))
    fits = visit.guardian_id is not None and visit.code_hash is not None and bytes(visit.code_hash) == typed
    facts = VisitFacts(visit.proved_at, visit.ended_at, visit.code_expires_at, visit.tries, fits)
    refusal = refuse_code(facts, at, limits())
    visit.tries += 1
    if refusal is None:
        visit.code_expires_at = None
    visit.save(update_fields=["tries", "code_expires_at"])
    return refusal


def _record(actor: Actor, action: Action, visit: AssistedVisit, at: datetime, detail: dict[str, object]) -> None:
    territory_id = visit.guardian.territory_id if visit.guardian is not None else None
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=ABOUT,
        subject_ids=[visit.pk],
        territory_id=territory_id,
        detail=detail | {"guardian": visit.guardian_id},
    )
