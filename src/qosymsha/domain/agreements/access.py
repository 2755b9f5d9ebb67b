"""Who may do what with agreements. Whose child it is, is asked of `people`, row by row."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    DRAW_CONTRACTS = "agreements.draw_contracts"
    SIGN_AS_FAMILY = "agreements.sign_as_family"
    SIGN_AS_PROVIDER = "agreements.sign_as_provider"
    REMIND_TO_SIGN = "agreements.remind_to_sign"
    GIVE_PAPER = "agreements.give_paper"
    RECORD_PAPER = "agreements.record_paper"
    CHECK_PAPER = "agreements.check_paper"
    REFUSE_CHILD = "agreements.refuse_child"
    WITHDRAW_REFUSAL = "agreements.withdraw_refusal"
    ANSWER_REFUSAL = "agreements.answer_refusal"
    DECIDE_REFUSAL = "agreements.decide_refusal"
    CARRY_OUT_REFUSALS = "agreements.carry_out_refusals"
    ANSWER_RENEWAL = "agreements.answer_renewal"
    RENEW = "agreements.renew"
    SET_CHARGE = "agreements.set_charge"
    RECORD_RECEIPT = "agreements.record_receipt"
    CANCEL_RECEIPT = "agreements.cancel_receipt"
    JOIN_WAITING = "agreements.join_waiting"
    LEAVE_WAITING = "agreements.leave_waiting"
    ANSWER_SEAT = "agreements.answer_seat"
    OFFER_SEATS = "agreements.offer_seats"
    READ_OWN = "agreements.read_own"
    READ_HOUSE = "agreements.read_house"
    READ_REFUSALS = "agreements.read_refusals"


_GUARDIAN, _MANAGER = frozenset({Role.GUARDIAN}), frozenset({Role.PROVIDER_MANAGER})
_CLOCK = frozenset({Role.SYSTEM, Role.OPERATOR})
_OFFICE = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.DRAW_CONTRACTS: _CLOCK | _MANAGER,
    Action.REMIND_TO_SIGN: _CLOCK,
    Action.CHECK_PAPER: _MANAGER,
    Action.DECIDE_REFUSAL: _OFFICE,
    Action.CARRY_OUT_REFUSALS: _CLOCK,
    Action.OFFER_SEATS: _CLOCK,
    Action.READ_REFUSALS: _OFFICE | {Role.AUDITOR},
    **dict.fromkeys(
        (
            Action.SIGN_AS_FAMILY, Action.GIVE_PAPER, Action.ANSWER_REFUSAL, Action.ANSWER_RENEWAL,
            Action.JOIN_WAITING, Action.LEAVE_WAITING, Action.ANSWER_SEAT, Action.READ_OWN,
        ),
        _GUARDIAN,
    ),
    **dict.fromkeys(
        (
            Action.SIGN_AS_PROVIDER, Action.RECORD_PAPER, Action.REFUSE_CHILD, Action.WITHDRAW_REFUSAL, Action.RENEW,
            Action.SET_CHARGE, Action.RECORD_RECEIPT, Action.CANCEL_RECEIPT, Action.READ_HOUSE,
        ),
        _MANAGER,
    ),
}  # fmt: skip
