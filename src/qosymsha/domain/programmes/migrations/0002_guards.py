"""What the tables themselves hold to: place, frozen rule sets, amounts that were decided."""

from django.db import migrations

from qosymsha.kernel.schema import insert_only

_PLACE = """
ALTER TABLE rule_set ADD CONSTRAINT rule_set_programme_same_place
    FOREIGN KEY (programme_id, territory_id) REFERENCES programme (id, territory_id);
ALTER TABLE budget_line ADD CONSTRAINT budget_line_programme_same_place
    FOREIGN KEY (programme_id, territory_id) REFERENCES programme (id, territory_id);
"""

_FROZEN = """
ALTER TABLE rule_set ADD CONSTRAINT rule_set_state CHECK (state IN ('draft', 'approved', 'superseded')),
    ADD CONSTRAINT rule_set_approved_by_somebody CHECK ((state = 'draft') = (approved_by IS NULL)
                                                    AND (state = 'draft') = (approved_at IS NULL)),
    ADD CONSTRAINT rule_set_hash_size CHECK (octet_length(hash) = 32),
    ADD CONSTRAINT rule_set_some_day CHECK (NOT isempty(valid) AND NOT lower_inf(valid));
ALTER TABLE budget_plan ADD CONSTRAINT budget_plan_moves CHECK (amount_tiyn <> 0);
CREATE FUNCTION rule_set_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rule set % is frozen: draft another version', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rule_set_document_frozen
    BEFORE UPDATE OF uuid, territory_id, programme_id, version, schema, document, hash, drafted_by ON rule_set
    FOR EACH ROW WHEN ((OLD.uuid, OLD.territory_id, OLD.programme_id, OLD.version, OLD.schema, OLD.document, OLD.hash, OLD.drafted_by)
        IS DISTINCT FROM (NEW.uuid, NEW.territory_id, NEW.programme_id, NEW.version, NEW.schema, NEW.document, NEW.hash, NEW.drafted_by))
    EXECUTE FUNCTION rule_set_is_frozen();
CREATE TRIGGER rule_set_approval_frozen BEFORE UPDATE ON rule_set
    FOR EACH ROW WHEN (OLD.approved_by IS NOT NULL AND (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at))
    EXECUTE FUNCTION rule_set_is_frozen();
CREATE TRIGGER rule_set_stays BEFORE DELETE OR TRUNCATE ON rule_set FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


_NO_PLACE = """
ALTER TABLE rule_set DROP CONSTRAINT rule_set_programme_same_place;
ALTER TABLE budget_line DROP CONSTRAINT budget_line_programme_same_place;
"""
_THAWED = """
DROP TRIGGER rule_set_stays ON rule_set;
DROP FUNCTION rule_set_is_frozen CASCADE;
ALTER TABLE budget_plan DROP CONSTRAINT budget_plan_moves;
ALTER TABLE rule_set DROP CONSTRAINT rule_set_state, DROP CONSTRAINT rule_set_approved_by_somebody,
    DROP CONSTRAINT rule_set_hash_size, DROP CONSTRAINT rule_set_some_day;
"""


class Migration(migrations.Migration):
    dependencies = [("programmes", "0001_initial"), ("kernel", "0001_initial"), ("ledger", "0002_postings")]
    operations = [
        migrations.RunSQL(_PLACE, _NO_PLACE),
        migrations.RunSQL(_FROZEN, _THAWED),
        insert_only("budget_plan"),
    ]
