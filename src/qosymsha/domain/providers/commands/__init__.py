"""The verbs of providers, by subject: registration, accreditation, contracts, groups, venues, teachers."""

from qosymsha.domain.providers.commands.accreditation import (
    Decision,
    Filing,
    Verdict,
    add_papers,
    answer_accreditation,
    decide_accreditation,
    expire_accreditations,
    file_accreditation,
    take_up_accreditation,
)
from qosymsha.domain.providers.commands.contracts import ContractDraft, end_contract, sign_contract
from qosymsha.domain.providers.commands.groups import open_groups
from qosymsha.domain.providers.commands.registration import register_provider, register_providers
from qosymsha.domain.providers.commands.teachers import admit_teacher, end_teacher, invite_teacher
from qosymsha.domain.providers.commands.venues import add_venue, change_group, change_venue

__all__ = [
    "ContractDraft",
    "Decision",
    "Filing",
    "Verdict",
    "add_papers",
    "add_venue",
    "admit_teacher",
    "answer_accreditation",
    "change_group",
    "change_venue",
    "decide_accreditation",
    "end_contract",
    "end_teacher",
    "expire_accreditations",
    "file_accreditation",
    "invite_teacher",
    "open_groups",
    "register_provider",
    "register_providers",
    "sign_contract",
    "take_up_accreditation",
]
