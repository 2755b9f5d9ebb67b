"""Signing a paper from a door: by the trial's signer as an invented person, or with a signature made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from django import forms
from django.conf import settings

from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.commands.acts import Signing
from qosymsha.domain.settlement.ports import SigningUnavailable, Verified, Writer
from qosymsha.domain.settlement.states import Side
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.signed import SignedRequest, key_of
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.iin import check_digit

MOST_BYTES = 256 * 1024
_HOUSE = Actor.system("trial")


def is_trial() -> bool:
    """The installation signs by itself, without legal force; elsewhere people bring their own signature."""
    return not settings.PRODUCTION


class SignForm(Form):
    """A signature made elsewhere; a trial makes its own."""

    signature = forms.FileField(required=False)


class Signable(Protocol):
    """An act as a side's page has it."""

    @property
    def id(self) -> int:
        """Its number in the room."""

    @property
    def programme_id(self) -> int:
        """Whose act it is."""


def sign_form(request: SignedRequest) -> SignForm:
    """The form of a signature: a file is needed where the installation does not sign by itself."""
    form = SignForm(typed(request), request.FILES or None)
    form.fields["signature"].required = not is_trial()
    return form


def sign_act(  # noqa: PLR0913 - whose act, on which paper, by which side, as whom
    request: SignedRequest, act: Signable, document: bytes, side: Side, form: SignForm, writer: Callable[[], Writer]
) -> Any:
    """Outside any transaction the signature is made or read, and verified; then one command stores it.

    None, with a word in the form, where the signing service does not answer. `writer` is asked in a trial alone.

    Raises:
        Refused: why this side cannot sign this act, or what is wrong with the signature.
    """
    upload = form.cleaned_data["signature"]
    brought = upload.read(MOST_BYTES + 1) if upload else None
    try:
        word = verified(document, brought, writer() if is_trial() else Writer("", "", ""), request.at)
    except SigningUnavailable:
        form.add_error(None, texts.say(request.language, "act.signing_unavailable"))
        return None
    (outcome,) = commands.sign_acts(
        actor=request.actor, programme_id=act.programme_id, side=side, signings=[Signing(act.id, word)],
        at=request.at, key=key_of(request),
    )  # fmt: skip
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return outcome


def verified(document: bytes, brought: bytes | None, writer: Writer, at: datetime) -> Verified:
    """A signature of the document that holds: the one brought, else one made by the service as `writer`.

    Nothing of this may happen inside a transaction.

    Raises:
        Refused: carries a SignatureFault.
        SigningUnavailable: the service does not answer.
    """
    service = adapter("signing")
    made = brought if brought is not None else service.sign(document, writer, at)
    found = service.verify(document, made, at)
    assert isinstance(found, Verified)
    return found


def trial_writer(user_id: int, bin_number: str, name: str, at: datetime) -> Writer:
    """As whom the trial signs for a user: a synthetic number, registered for them at the first time."""
    assert is_trial(), "whose signature is whose is the operator's word in production"
    iin = trial_iin(user_id)
    if not queries.is_signatory(user_id):
        key = uuid5(NAMESPACE_URL, f"signatory:{user_id}:{iin}")
        commands.register_signatory(actor=_HOUSE, user_id=user_id, iin=iin, basis="trial", at=at, key=key)
    return Writer(iin, bin_number, name)


def trial_iin(user_id: int) -> str:
    """A synthetic person's number: the seventh digit 9 is never issued."""
    for tail in range(user_id * 10, user_id * 10 + 10):
        eleven = f"800101{9}{tail % 10_000:04d}"
        last = check_digit(eleven)
        if last is not None:
            return f"{eleven}{last}"
    raise AssertionError("of ten numbers one has a check digit")
