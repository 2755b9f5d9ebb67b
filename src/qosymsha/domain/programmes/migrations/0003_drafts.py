"""Working drafts; everybody who wrote a rule set is kept with it and can't approve it; a draft may be withdrawn."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import PROTECT, Q

import qosymsha.kernel.entropy

_GUARDS = """
UPDATE rule_set SET authors = ARRAY[drafted_by];
ALTER TABLE rule_set
    DROP CONSTRAINT rule_set_state,
    DROP CONSTRAINT rule_set_approved_by_somebody,
    ADD CONSTRAINT rule_set_state CHECK (state IN ('draft', 'approved', 'superseded', 'withdrawn')),
    ADD CONSTRAINT rule_set_approved_by_somebody CHECK (
        (state IN ('draft', 'withdrawn')) = (approved_by IS NULL)
        AND (state IN ('draft', 'withdrawn')) = (approved_at IS NULL)),
    ADD CONSTRAINT rule_set_withdrawn_reason CHECK ((state = 'withdrawn') = (withdrawn_reason <> '')),
    ADD CONSTRAINT rule_set_no_author_approves CHECK (approved_by IS NULL OR NOT approved_by = ANY (authors));
CREATE TRIGGER rule_set_authors_frozen BEFORE UPDATE OF authors ON rule_set
    FOR EACH ROW WHEN (OLD.authors IS DISTINCT FROM NEW.authors) EXECUTE FUNCTION rule_set_is_frozen();
CREATE TRIGGER rule_set_stays_withdrawn BEFORE UPDATE ON rule_set
    FOR EACH ROW WHEN (OLD.state = 'withdrawn') EXECUTE FUNCTION rule_set_is_frozen();
ALTER TABLE rule_draft ADD CONSTRAINT rule_draft_programme_same_place
    FOREIGN KEY (programme_id, territory_id) REFERENCES programme (id, territory_id);
CREATE TRIGGER rule_draft_is_over BEFORE UPDATE ON rule_draft
    FOR EACH ROW WHEN (OLD.state <> 'open') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rule_draft_stays BEFORE DELETE OR TRUNCATE ON rule_draft
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


# As 0002 has them; rows that were withdrawn since are not looked at again.
_NO_GUARDS = """
DROP TRIGGER rule_set_authors_frozen ON rule_set; DROP TRIGGER rule_set_stays_withdrawn ON rule_set;
ALTER TABLE rule_set
    DROP CONSTRAINT rule_set_state,
    DROP CONSTRAINT rule_set_approved_by_somebody,
    DROP CONSTRAINT rule_set_withdrawn_reason,
    DROP CONSTRAINT rule_set_no_author_approves,
    ADD CONSTRAINT rule_set_state CHECK (state IN ('draft', 'approved', 'superseded')) NOT VALID,
    ADD CONSTRAINT rule_set_approved_by_somebody CHECK (
        (state = 'draft') = (approved_by IS NULL) AND (state = 'draft') = (approved_at IS NULL)) NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial"), ("programmes", "0002_guards")]
    operations = [
        migrations.AddField("ruleset", "authors", ArrayField(models.BigIntegerField(), default=list)),
        migrations.AddField("ruleset", "withdrawn_reason", models.TextField(blank=True, default="")),
        migrations.CreateModel(
            "RuleDraft",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("document", models.JSONField()),
                ("valid_from", models.DateField()),
                ("edits", models.JSONField(default=dict)),
                ("policy_chosen", models.BooleanField(default=False)),
                ("state", models.TextField()),
                ("authors", ArrayField(models.BigIntegerField())),
                ("opened_at", models.DateTimeField()),
                ("edited_at", models.DateTimeField()),
                ("edited_by", models.BigIntegerField()),
                (
                    "based_on",
                    models.ForeignKey("programmes.RuleSet", PROTECT, db_index=False, null=True, related_name="+"),
                ),
                ("programme", models.ForeignKey("programmes.Programme", PROTECT, db_index=False)),
                (
                    "rule_set",
                    models.ForeignKey("programmes.RuleSet", PROTECT, db_index=False, null=True, related_name="+"),
                ),
                ("territory", models.ForeignKey("people.Territory", PROTECT, db_index=False)),
            ],
            options={"db_table": "rule_draft"},
        ),
        migrations.AddConstraint(
            "ruledraft",
            models.UniqueConstraint(condition=Q(("state", "open")), fields=("programme",), name="rule_draft_one_open"),
        ),
        migrations.AddConstraint(
            "ruledraft",
            models.CheckConstraint(
                condition=Q(state="submitted", rule_set__isnull=False, policy_chosen=True)
                | Q(state__in=["open", "dropped"], rule_set__isnull=True),
                name="rule_draft_state",
            ),
        ),
        migrations.RunSQL(_GUARDS, _NO_GUARDS),
    ]
