"""Numbers, keys that keep place equal, and what holds whoever writes: amounts never change, two officials before a file."""

from django.db import migrations

from qosymsha.domain.settlement.states import CLAIM_TRANSITIONS, FILE_TRANSITIONS, LINE_TRANSITIONS
from qosymsha.kernel.schema import belongs, insert_only, only_transitions, same_place

_NUMBERS = "CREATE SEQUENCE claim_number; CREATE SEQUENCE payment_file_number;"

# What was drawn, hashed or written into a file stays as it is: states and frozen bank details move, amounts never.
_FROZEN = """
CREATE TRIGGER claim_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id, number, contract_id, line_id, rule_set_id, month,
    units, amount_tiyn, formula, hash, offset_tiyn ON claim FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER claim_row_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF claim_id, sheet_row_id, part, enrolment_id,
    units, unit_tariff_tiyn, amount_tiyn, due_tiyn, claimed_tiyn, kept_tiyn, present, waiting, proved ON claim_row FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_file_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF number, content, content_hash, total_tiyn
    ON payment_file FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_line_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF file_id, claim_id, end_to_end_id, iban,
    amount_tiyn ON payment_line FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX claim_waiting ON claim (programme_id) WHERE state IN ('drawn', 'approved', 'held');
CREATE INDEX payment_file_open ON payment_file (programme_id) WHERE state <> 'answered';
"""

_THAWED = """
DROP INDEX claim_waiting, payment_file_open;
DROP TRIGGER claim_stays ON claim; DROP TRIGGER claim_row_stays ON claim_row;
DROP TRIGGER payment_file_stays ON payment_file; DROP TRIGGER payment_line_stays ON payment_line;
"""

# Who signed is asked again where the money leaves: a line of a claim without a release by a second person is refused,
# and so is one whose amount or account is not the claim's.
_TWO_OFFICIALS = """
CREATE FUNCTION payment_line_must_be_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE unsigned bigint;
BEGIN
    SELECT l.claim_id INTO unsigned FROM added l JOIN claim c ON c.id = l.claim_id
     WHERE l.amount_tiyn <> c.amount_tiyn - c.offset_tiyn OR l.iban <> c.iban
        OR NOT EXISTS (SELECT FROM claim_approval r JOIN claim_approval a
                           ON a.claim_id = r.claim_id AND a.turn = r.turn AND a.user_id <> r.user_id
                        WHERE r.claim_id = c.id AND r.turn = c.turn AND r.step = 'release' AND a.step = 'approve') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'claim % lacks two officials, or the line is not the claim''s amount and account', unsigned
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_line_signed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_line_signed AFTER INSERT ON payment_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payment_line_must_be_signed();
"""


class Migration(migrations.Migration):
    """SQL that Django has no words for."""

    dependencies = [
        ("settlement", "0001_initial"),
        ("providers", "0001_initial"),
        ("programmes", "0001_initial"),
        ("kernel", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(_NUMBERS, "DROP SEQUENCE claim_number, payment_file_number"),
        same_place("claim", "contract_id", "contract"),
        same_place("claim", "line_id", "budget_line"),
        same_place("claim", "rule_set_id", "rule_set"),
        same_place("payment_line", "file_id", "payment_file"),
        same_place("payment_line", "claim_id", "claim"),
        belongs("claim_row", "claim", {"claim_id": "id"}),
        belongs("claim_row", "sheet_row", {"sheet_row_id": "id", "enrolment_id": "enrolment_id"}),
        migrations.RunSQL(_FROZEN, _THAWED),
        migrations.RunSQL(_TWO_OFFICIALS, "DROP FUNCTION payment_line_must_be_signed CASCADE"),
        only_transitions("claim", "state", CLAIM_TRANSITIONS),
        only_transitions("payment_file", "state", FILE_TRANSITIONS),
        only_transitions("payment_line", "state", LINE_TRANSITIONS),
        insert_only("claim_approval"),
        insert_only("bank_reply"),
        insert_only("closed_month"),
        insert_only("closed_year"),
    ]
