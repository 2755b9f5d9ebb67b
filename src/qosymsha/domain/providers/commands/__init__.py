"""The verbs of providers, by subject: registration, accreditation, contracts, groups."""

from qosymsha.domain.providers.commands.accreditation import (
    Decision,
    Filing,
    Verdict,
    add_papers,
    decide_accreditation,
    expire_accreditations,
    file_accreditation,
    take_up_accreditation,
)
from qosymsha.domain.providers.commands.contracts import ContractDraft, end_contract, sign_contract
from qosymsha.domain.providers.commands.groups import close_group, open_groups
from qosymsha.domain.providers.commands.registration import register_provider, register_providers
from qosymsha.domain.providers.commands.teachers import admit_teacher

__all__ = [
    "ContractDraft",
    "Decision",
    "Filing",
    "Verdict",
    "add_papers",
    "admit_teacher",
    "close_group",
    "decide_accreditation",
    "end_contract",
    "expire_accreditations",
    "file_accreditation",
    "open_groups",
    "register_provider",
    "register_providers",
    "sign_contract",
    "take_up_accreditation",
]
