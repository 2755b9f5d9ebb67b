"""What Django has no words for: serials, keys that keep territory and programme equal, legal lives, one place at a time."""

from django.db import migrations

from qosymsha.domain.providers.states import CONTRACT_TRANSITIONS, GROUP_TRANSITIONS, TRANSITIONS, AccreditationState
from qosymsha.kernel.schema import history_of, only_transitions, same_place

_SERIALS = "CREATE SEQUENCE provider_serial; CREATE SEQUENCE contract_serial"

# A lesson's minutes of the day as a range, so that overlaps are excluded by the database: nobody teaches in two places,
# and no group has two lessons at once, in the days both hold.
_ONE_PLACE = """
CREATE FUNCTION lesson_minutes(starts time, ends time) RETURNS int4range LANGUAGE sql IMMUTABLE AS $$
    SELECT int4range((extract(epoch FROM starts) / 60)::int, (extract(epoch FROM ends) / 60)::int)
$$;
ALTER TABLE timetable_slot
    ADD CONSTRAINT timetable_slot_teacher_once EXCLUDE USING gist
        (teacher_id WITH =, weekday WITH =, lesson_minutes(starts, ends) WITH &&, valid WITH &&),
    ADD CONSTRAINT timetable_slot_group_once_a_day EXCLUDE USING gist
        (group_id WITH =, weekday WITH =, valid WITH &&);
"""

# An accreditation taken over from another system begins as it stands there (PRODUCT.md L2); its history begins here.
_TAKEN_OVER = {("", state.value) for state in AccreditationState}


def _in_programme(table: str) -> migrations.RunSQL:
    """The row's programme is one of its territory."""
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_programme_same_place FOREIGN KEY (programme_id, territory_id)"
        " REFERENCES programme (id, territory_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_programme_same_place",
    )


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_initial"), ("programmes", "0001_initial")]
    operations = [
        migrations.RunSQL(_SERIALS, "DROP SEQUENCE provider_serial, contract_serial"),
        _in_programme("accreditation"),
        same_place("contract", "line_id", "budget_line"),
        same_place("offering", "contract_id", "contract"),
        same_place("club_group", "offering_id", "offering"),
        same_place("club_group", "contract_id", "contract"),
        same_place("club_group", "line_id", "budget_line"),
        only_transitions("accreditation", "state", TRANSITIONS | _TAKEN_OVER),
        only_transitions("contract", "state", CONTRACT_TRANSITIONS),
        only_transitions("club_group", "state", GROUP_TRANSITIONS),
        *history_of("accreditation", TRANSITIONS),
        migrations.RunSQL(
            _ONE_PLACE,
            "ALTER TABLE timetable_slot DROP CONSTRAINT timetable_slot_teacher_once,"
            " DROP CONSTRAINT timetable_slot_group_once_a_day; DROP FUNCTION lesson_minutes",
        ),
    ]
