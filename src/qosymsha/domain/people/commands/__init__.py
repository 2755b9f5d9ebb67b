"""The verbs of people's records, by subject: places, officials, families, statuses, consents, secrets."""

from qosymsha.domain.people.commands.consents import give_consent, withdraw_consent
from qosymsha.domain.people.commands.factors import (
    add_app,
    end_app,
    forget_tries,
    make_code,
    prove_by_app,
    prove_by_code,
    record_proof,
)
from qosymsha.domain.people.commands.families import end_guardianship, register_families
from qosymsha.domain.people.commands.guarding import (
    forget_readings,
    grant_reading,
    invent_honeytoken,
    lay_honeytoken,
    spend_reading,
    stop_reading,
)
from qosymsha.domain.people.commands.linking import link_child
from qosymsha.domain.people.commands.officials import (
    Appointment,
    appoint,
    decide_role,
    dismiss,
    propose_role,
    record_ended_visits,
)
from qosymsha.domain.people.commands.places import DepartmentDraft, load_territories, open_department
from qosymsha.domain.people.commands.preferences import set_preferences
from qosymsha.domain.people.commands.secrets import rotate_secrets
from qosymsha.domain.people.commands.sign_in import (
    admit_guardian,
    record_refused_sign_in,
    record_sign_in,
    record_sign_out,
)
from qosymsha.domain.people.commands.statuses import record_statuses
from qosymsha.domain.people.commands.wards import Linked, link_wards
from qosymsha.domain.people.commands.youths import admit_youth

__all__ = [
    "record_ended_visits",
    "propose_role",
    "decide_role",
    "Appointment",
    "DepartmentDraft",
    "Linked",
    "link_wards",
    "add_app",
    "admit_guardian",
    "admit_youth",
    "appoint",
    "dismiss",
    "end_app",
    "end_guardianship",
    "forget_readings",
    "forget_tries",
    "give_consent",
    "grant_reading",
    "invent_honeytoken",
    "lay_honeytoken",
    "link_child",
    "load_territories",
    "make_code",
    "open_department",
    "prove_by_app",
    "prove_by_code",
    "record_proof",
    "record_refused_sign_in",
    "record_sign_in",
    "record_sign_out",
    "record_statuses",
    "register_families",
    "rotate_secrets",
    "set_preferences",
    "spend_reading",
    "stop_reading",
    "withdraw_consent",
]
