"""A child's own account: a guardian's row that names the child it is. Who it is to a version before: nobody's guardian.

That version asks `rights_of` whose guardian a user is; so the function leaves these rows out, and ours asks for them
beside it. The key to the child and the promise of one account per child follow in 0012, without stopping anybody.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

_WAS = import_module("qosymsha.domain.people.migrations.0004_hot_verbs")._RIGHTS.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
_OF_GUARDIANS = "(SELECT g.id FROM guardian g WHERE g.user_id = u.id)"
assert _OF_GUARDIANS in _WAS, "the function as it was"
_NOW = _WAS.replace(_OF_GUARDIANS, "(SELECT g.id FROM guardian g WHERE g.user_id = u.id AND g.child_id IS NULL)")


class Migration(migrations.Migration):
    dependencies = [("people", "0010_consents")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "ALTER TABLE guardian ADD COLUMN child_id bigint", "ALTER TABLE guardian DROP COLUMN child_id"
                )
            ],
            [
                migrations.AddField(
                    "guardian",
                    "child",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.child",
                    ),
                )
            ],
        ),
        migrations.RunSQL(_NOW, _WAS),
    ]
