"""A child's own account takes no place: the tie of a child to itself is no guardian's word, whoever carries it.

And a place that one guardian took is told with that guardian, for whoever else speaks for the child.
"""

from importlib import import_module

from django.db import migrations

_BEFORE = import_module("qosymsha.domain.vouchers.migrations.0005_hot_verbs")
# Of two functions the second alone: `take_seat` was written anew by 0006, and the older text must not come back.
_PLACE = _BEFORE._TAKE[_BEFORE._TAKE.index("CREATE FUNCTION take_place(") :]
_WAS, _TOOK = (one.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION") for one in (_BEFORE._FACTS, _PLACE))
_WARD = "p.guardian_id = guardian AND p.child_id = v.child_id AND p.valid @> today)"
_TOLD, _BY = "ARRAY[taken_id], '{}')", "ARRAY[taken_id], jsonb_build_object('by', guardian))"
assert _TOLD in _TOOK, "the function as it was"
assert _WARD in _WAS, "the function as it was"


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0006_waited_for"), ("people", "0011_youth")]
    operations = [
        migrations.RunSQL(_WAS.replace(_WARD, _WARD[:-1] + " AND p.kind <> 'self')"), _WAS),
        migrations.RunSQL(_TOOK.replace(_TOLD, _BY), _TOOK),
    ]
