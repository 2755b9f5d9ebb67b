"""Months of marks and check-ins leave whole after their time; what people wrote about erased children is blanked."""

from django.db import migrations

_MONTHS = r"""
CREATE FUNCTION presence_forget(parent text, before date) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF parent NOT IN ('mark', 'check_in') THEN
        RAISE EXCEPTION '% is kept', parent USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN drop_months(parent, before, 5);
END $$;
REVOKE EXECUTE ON FUNCTION presence_forget(text, date) FROM PUBLIC
"""

# Of children whose secrets are gone alone: asked again here, because these tables refuse every other change.
_WORDS = r"""
CREATE FUNCTION remarks_forget(children bigint[]) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_nobody bigint[] := ARRAY(
        SELECT c FROM unnest(children) AS g (c) WHERE NOT EXISTS (
            SELECT FROM person_secret s WHERE s.subject_kind = 'child' AND s.subject_id = c));
    places bigint[] := ARRAY(SELECT id FROM enrolment WHERE child_id = ANY (of_nobody));
    blanked int; more int;
BEGIN
    PERFORM set_config('qosymsha.forgets', 'mark_change,returned_row', true);
    UPDATE mark_change SET reason = '—' WHERE enrolment_id = ANY (places) AND reason <> '—';
    GET DIAGNOSTICS blanked = ROW_COUNT;
    UPDATE returned_row t SET reason = '—' FROM sheet_row r
     WHERE r.id = t.sheet_row_id AND r.child_id = ANY (of_nobody) AND t.reason <> '—';
    GET DIAGNOSTICS more = ROW_COUNT;
    PERFORM set_config('qosymsha.forgets', '', true);
    RETURN blanked + more;
END $$;
REVOKE EXECUTE ON FUNCTION remarks_forget(bigint[]) FROM PUBLIC
"""


class Migration(migrations.Migration):
    """Functions over this room's own tables."""

    dependencies = [("attendance", "0008_least_rights"), ("kernel", "0007_forgetting")]
    operations = [
        migrations.RunSQL(_MONTHS, "DROP FUNCTION presence_forget(text, date)"),
        migrations.RunSQL(_WORDS, "DROP FUNCTION remarks_forget(bigint[])"),
    ]
