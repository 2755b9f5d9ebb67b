"""What is read of agreements."""

from qosymsha.domain.agreements.queries.contracts import (
    ContractCount,
    ContractPaper,
    ContractShown,
    SignatureOf,
    contract_count,
    contracts_of_provider,
    house_contract,
    own_contract,
    own_contracts,
)
from qosymsha.domain.agreements.queries.drawing import Undrawn, hours_of, undrawn
from qosymsha.domain.agreements.queries.house import HousePlace, places_of_provider
from qosymsha.domain.agreements.queries.money import (
    Charge,
    FamilyMonth,
    Payer,
    ReceiptShown,
    charge_of_group,
    charges_of_groups,
    charges_of_provider,
    own_additions,
    own_place_id,
    own_receipts,
    paid_by_family,
    payers_of_provider,
    receipt_id,
    receipts_of_provider,
)
from qosymsha.domain.agreements.queries.papers import (
    PaperShown,
    PlacePapers,
    own_papers,
    own_papers_of,
    paper_id,
    papers_of_place,
    papers_of_provider,
    papers_to_look_at,
    scan_of,
)
from qosymsha.domain.agreements.queries.places import (
    Place,
    agreements_of,
    calendar_from,
    place_now,
    places,
    standings,
)
from qosymsha.domain.agreements.queries.refusals import (
    RefusalShown,
    RefusalWork,
    office_refusals,
    own_refusals,
    refusal_work,
    refusals_due,
    refusals_of_provider,
    refused_places,
    vouchers_of_refusals,
)
from qosymsha.domain.agreements.queries.renewal import (
    CarryShown,
    EndingGroup,
    OwnRenewal,
    ending_groups,
    own_renewals,
    renewal_words,
)
from qosymsha.domain.agreements.queries.waiting import (
    WaitShown,
    group_of_voucher,
    is_waited_for,
    own_waits,
    queue_length,
    waited_for,
    waiting_counts,
    waits_to_look_at,
)

__all__ = [
    "CarryShown", "Charge", "ContractCount", "ContractPaper", "ContractShown", "EndingGroup", "FamilyMonth",
    "HousePlace",
    "OwnRenewal", "PaperShown", "Payer", "Place", "PlacePapers", "ReceiptShown", "RefusalShown", "RefusalWork",
    "SignatureOf", "Undrawn", "WaitShown", "agreements_of", "calendar_from", "charge_of_group", "charges_of_groups",
    "charges_of_provider", "contract_count", "contracts_of_provider", "ending_groups", "group_of_voucher", "hours_of",
    "house_contract", "is_waited_for", "office_refusals", "own_contract", "own_contracts", "own_papers",
    "own_additions", "own_papers_of", "own_place_id", "own_receipts", "own_refusals", "own_renewals", "own_waits",
    "paid_by_family",
    "paper_id", "papers_of_place", "papers_of_provider", "papers_to_look_at", "payers_of_provider", "place_now",
    "places", "places_of_provider", "queue_length", "receipt_id", "receipts_of_provider", "refusal_work",
    "refusals_due", "refusals_of_provider", "refused_places", "renewal_words", "scan_of", "standings", "undrawn",
    "vouchers_of_refusals", "waited_for", "waiting_counts", "waits_to_look_at",
]  # fmt: skip
