"""The verbs of people's records, by subject: places, officials, families, statuses, consents, secrets."""

from qosymsha.domain.people.commands.consents import give_consent, withdraw_consent
from qosymsha.domain.people.commands.families import end_guardianship, register_families
from qosymsha.domain.people.commands.officials import Appointment, appoint, dismiss
from qosymsha.domain.people.commands.places import DepartmentDraft, load_territories, open_department
from qosymsha.domain.people.commands.secrets import rotate_secrets
from qosymsha.domain.people.commands.statuses import record_statuses

__all__ = [
    "Appointment",
    "DepartmentDraft",
    "appoint",
    "dismiss",
    "end_guardianship",
    "give_consent",
    "load_territories",
    "open_department",
    "record_statuses",
    "register_families",
    "rotate_secrets",
    "withdraw_consent",
]
