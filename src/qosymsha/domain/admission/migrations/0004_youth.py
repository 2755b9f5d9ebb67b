"""A child's own account files nothing: the tie of a child to itself is no guardian's word, whoever carries it.

And what one guardian files is told with that guardian, for whoever else speaks for the child.
"""

from importlib import import_module

from django.db import migrations

_BEFORE = import_module("qosymsha.domain.admission.migrations.0003_hot_verbs")
_WAS, _FILED = (one.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION") for one in (_BEFORE._FACTS, _BEFORE._FILE))
_WARD = "g.guardian_id = guardian AND g.child_id = a_child AND g.valid @> on_day)"
_TOLD, _BY = "ARRAY[new_id], '{}')", "ARRAY[new_id], jsonb_build_object('by', by_guardian))"
assert _WARD in _WAS, "the function as it was"
assert _TOLD in _FILED, "the function as it was"


class Migration(migrations.Migration):
    dependencies = [("admission", "0003_hot_verbs"), ("people", "0011_youth")]
    operations = [
        migrations.RunSQL(_WAS.replace(_WARD, _WARD[:-1] + " AND g.kind <> 'self')"), _WAS),
        migrations.RunSQL(_FILED.replace(_TOLD, _BY), _FILED),
    ]
