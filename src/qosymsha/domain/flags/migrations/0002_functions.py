"""Marks kept elsewhere by month; legal lives; what may never be changed."""

from django.db import migrations

from qosymsha.domain.flags.rules.recording import EVIDENCE
from qosymsha.domain.flags.states import FLAG_TRANSITIONS
from qosymsha.kernel.schema import history_of, insert_only, only_transitions, partitioned

_OUTSIDE = f"""
CREATE TABLE outside_mark (
    "on" date NOT NULL, programme_id bigint NOT NULL, territory_id bigint NOT NULL, provider text NOT NULL,
    group_code text NOT NULL, child bytea NOT NULL, starts_at timestamptz NOT NULL, child_ref text NOT NULL,
    ref text NOT NULL, child_id bigint, group_id bigint, provider_id bigint, recorded_on date NOT NULL,
    {", ".join(f"{name} bigint NOT NULL" for name in EVIDENCE)},
    PRIMARY KEY ("on", programme_id, provider, group_code, child, starts_at)
) PARTITION BY RANGE ("on");
CREATE INDEX outside_mark_child ON outside_mark (programme_id, child);
"""


class Migration(migrations.Migration):
    """What Django's migrations have no words for."""

    dependencies = [("flags", "0001_initial"), ("kernel", "0001_initial"), ("attendance", "0004_sheets")]
    operations = [
        migrations.RunSQL(_OUTSIDE, "DROP TABLE outside_mark"),
        partitioned("outside_mark"),
        only_transitions("red_flag", "state", FLAG_TRANSITIONS),
        *history_of("red_flag", FLAG_TRANSITIONS),
        insert_only("flag_run"),
        insert_only("flag_reason"),
    ]
