"""Steps of rounds as errands: the same commands as the command line's, for the officer who asked by a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.admission import queries as rounds
from qosymsha.domain.admission.access import Action as Round
from qosymsha.domain.choice import commands as choice
from qosymsha.domain.choice import queries as choices
from qosymsha.domain.choice.access import Action as Choice
from qosymsha.domain.errands.commands import Begun
from qosymsha.domain.people import queries as people
from qosymsha.interfaces.files import published
from qosymsha.kernel.actor import Actor


class _Life(Protocol):
    """When a round's steps were done."""

    @property
    def closes_at(self) -> datetime: ...

    @property
    def closed_at(self) -> datetime | None: ...

    @property
    def drawn_at(self) -> datetime | None: ...


def _after(life: _Life, begun: Begun, at: datetime) -> datetime:
    """Now; in a trial that played the window's end, no earlier than that end."""
    if begun.body.get("early") and not settings.PRODUCTION:
        at = max(at, life.closes_at)
    return max(at, life.closed_at or at, life.drawn_at or at)


def _envelope(begun: Begun, actor: Actor, life: _Life, at: datetime) -> dict[str, Any]:
    return {"actor": actor, "round_id": begun.subject_id, "at": _after(life, begun, at), "key": begun.uuid}


def _of_round(begun: Begun, actor: Actor, at: datetime) -> dict[str, Any]:
    return _envelope(begun, actor, rounds.round_life(begun.subject_uuid), at)


def _of_choice(begun: Begun, actor: Actor, at: datetime) -> dict[str, Any]:
    return _envelope(begun, actor, choices.choice_life(begun.subject_uuid), at)


def _drawing(begun: Begun, at: datetime) -> dict[str, Any]:
    """A draw's sources as they were typed; the second officer with the rights of this moment."""
    second = begun.body.get("second")
    return {
        "beacon_value": bytes.fromhex(begun.body["value"]),
        "secrets": {party: bytes.fromhex(secret) for party, secret in begun.body["secrets"].items()},
        "second": people.actor_for(second, at) if second else None,
    }


def _close(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = admission.close_round(**_of_round(begun, actor, at))
    return {"frozen": done.applications, "rejected": sum(done.rejected.values())}


def _draw(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    admission.draw_round(**_of_round(begun, actor, at), **_drawing(begun, at))
    return {}


def _allocate(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = admission.allocate_round(**_of_round(begun, actor, at))
    return {"vouchers": done.vouchers, "waiting": sum(done.waiting.values())}


def _publish(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    with published.replacing(published.folder_of(begun.subject_uuid)) as beside:
        admission.publish_round(**_of_round(begun, actor, at), folder=beside)
    return {"files": len(published.published_files(begun.subject_uuid))}


def _refill(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = admission.refill(**_of_round(begun, actor, at))
    return {"vouchers": sum(done.granted.values()), "rejected": done.rejected}


def _cancel(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    admission.cancel_round(**_of_round(begun, actor, at), reason=begun.body["reason"])
    return {}


def _close_choice(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = choice.close_choice_round(**_of_choice(begun, actor, at))
    return {"frozen": done.lists, "rejected": sum(done.rejected.values())}


def _draw_choice(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    choice.draw_choice_round(**_of_choice(begun, actor, at), **_drawing(begun, at))
    return {}


def _allocate_places(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = choice.allocate_places(**_of_choice(begun, actor, at))
    return {"placed": done.placed, "unplaced": done.unplaced}


def _publish_choice(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    where = published.folder_of(begun.subject_uuid)
    with published.replacing(where, published.CHOICE_VERIFIERS) as beside:
        _publish_whole(_of_choice(begun, actor, at), beside)
    return {"files": len(published.published_files(begun.subject_uuid))}


def _publish_whole(envelope: Mapping[str, Any], beside: Path) -> None:
    """The public part into `beside`; the restricted one is written by the command line alone, for auditors."""
    whole = beside / "whole"
    choice.publish_choice_round(**envelope, folder=whole)
    for path in sorted((whole / "public").iterdir()):
        path.rename(beside / path.name)
    shutil.rmtree(whole)


def _offer(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    done = choice.offer_freed_places(**_of_choice(begun, actor, at))
    return {"offers": done.offers, "expired": done.expired}


def _rerun(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    starts_on = date.fromisoformat(begun.body["starts_on"])
    done = choice.rerun_places(**_of_choice(begun, actor, at), starts_on=starts_on)
    return {"placed": done.placed, "moved": done.moved}


def _cancel_choice(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    choice.cancel_choice_round(**_of_choice(begun, actor, at), reason=begun.body["reason"])
    return {}


VERBS: dict[str, Callable[[Begun, Actor, datetime], Mapping[str, int]]] = {
    Round.CLOSE_ROUND: _close,
    Round.DRAW: _draw,
    Round.ALLOCATE: _allocate,
    Round.PUBLISH: _publish,
    Round.REFILL: _refill,
    Round.CANCEL_ROUND: _cancel,
    Choice.CLOSE: _close_choice,
    Choice.DRAW: _draw_choice,
    Choice.ALLOCATE: _allocate_places,
    Choice.PUBLISH: _publish_choice,
    Choice.OFFER: _offer,
    Choice.RERUN: _rerun,
    Choice.CANCEL: _cancel_choice,
}
