"""What Django has no words for: insert-only tables, legal steps, keys that keep place equal, numbers."""

from django.db import migrations

from qosymsha.domain.agreements.states import (
    AGREEMENT_TRANSITIONS,
    PAPER_TRANSITIONS,
    REFUSAL_TRANSITIONS,
    WAIT_TRANSITIONS,
)
from qosymsha.kernel.schema import history_of, insert_only, only_transitions, same_place


class Migration(migrations.Migration):
    """The house's rules for the room's tables."""

    dependencies = [("agreements", "0002_places")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE family_contract_serial; CREATE SEQUENCE family_receipt_serial",
            "DROP SEQUENCE family_contract_serial, family_receipt_serial",
        ),
        *(
            same_place(table, "enrolment_id", "enrolment")
            for table in ("family_contract", "enrolment_paper", "child_refusal", "family_receipt", "group_wait")
        ),
        same_place("group_wait", "group_id", "club_group"),
        same_place("group_wait", "voucher_id", "voucher"),
        same_place("group_charge", "group_id", "club_group"),
        *(insert_only(table) for table in ("family_contract_signature", "renewal_word", "renewal", "group_charge")),
        only_transitions("family_contract", "state", AGREEMENT_TRANSITIONS),
        only_transitions("enrolment_paper", "state", PAPER_TRANSITIONS),
        only_transitions("child_refusal", "state", REFUSAL_TRANSITIONS),
        only_transitions("group_wait", "state", WAIT_TRANSITIONS),
        *history_of("child_refusal", REFUSAL_TRANSITIONS),
        *history_of("group_wait", WAIT_TRANSITIONS),
        migrations.RunSQL(
            "CREATE TRIGGER family_contract_content_stays BEFORE UPDATE OF content, hash, template, template_hash,"
            " charge_tiyn, enrolment_id ON family_contract FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
            "DROP TRIGGER family_contract_content_stays ON family_contract",
        ),
    ]
