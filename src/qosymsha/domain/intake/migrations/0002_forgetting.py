"""An officer's words on the papers of a child that is erased are blanked; nothing else changes a step of a case."""

from django.db import migrations

_WORDS = r"""
CREATE FUNCTION case_words_forget(children bigint[]) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE blanked int;
BEGIN
    PERFORM set_config('qosymsha.forgets', 'category_case_step', true);
    UPDATE category_case_step t SET words = '' FROM category_case c
     WHERE c.id = t.case_id AND c.child_id = ANY (children) AND t.words <> '' AND NOT EXISTS (
           SELECT FROM person_secret s WHERE s.subject_kind = 'child' AND s.subject_id = c.child_id);
    GET DIAGNOSTICS blanked = ROW_COUNT;
    PERFORM set_config('qosymsha.forgets', '', true);
    RETURN blanked;
END $$;
REVOKE EXECUTE ON FUNCTION case_words_forget(bigint[]) FROM PUBLIC
"""


class Migration(migrations.Migration):
    """A function over this room's own tables."""

    dependencies = [("intake", "0001_initial"), ("kernel", "0007_forgetting")]
    operations = [migrations.RunSQL(_WORDS, "DROP FUNCTION case_words_forget(bigint[])")]
