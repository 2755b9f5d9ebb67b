"""Reads of choice: `facts` for its verbs, `frozen` and `standing` for the engine, `waiting` for freed places,
`personal` for a family, `public` for all.
"""

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries.facts import (
    WaitingOffer,
    last_round_id,
    offers_waiting,
    round_of,
    vouchers_numbered,
)
from qosymsha.domain.choice.queries.families import OwnList, own_lists
from qosymsha.domain.choice.queries.foresight import (
    ChoiceSeen,
    PlacesNow,
    choice_round_seen,
    places_now,
    programme_choice_rounds,
)
from qosymsha.domain.choice.queries.personal import (
    Explanation,
    Move,
    Receipt,
    Setback,
    WishStanding,
    explain,
    list_of_voucher,
    receipt,
)
from qosymsha.domain.choice.queries.public import (
    ChoiceHead,
    ChoiceLife,
    ChoiceResults,
    GroupResult,
    SmallGroups,
    choice_heads,
    choice_life,
    choice_root_statement,
    choice_round_numbered,
    choice_round_numbers,
    group_results,
)

__all__ = [
    "ChoiceHead",
    "ChoiceLife",
    "ChoiceResults",
    "ChoiceRound",
    "ChoiceSeen",
    "Explanation",
    "GroupResult",
    "Move",
    "OwnList",
    "PlacesNow",
    "Receipt",
    "Setback",
    "SmallGroups",
    "WaitingOffer",
    "WishStanding",
    "choice_heads",
    "choice_life",
    "choice_root_statement",
    "choice_round_numbered",
    "choice_round_numbers",
    "choice_round_seen",
    "explain",
    "group_results",
    "last_round_id",
    "list_of_voucher",
    "offers_waiting",
    "own_lists",
    "places_now",
    "programme_choice_rounds",
    "receipt",
    "round_of",
    "vouchers_numbered",
]
