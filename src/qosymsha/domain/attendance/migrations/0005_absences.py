"""Absences that families announce, and cases of long ones."""

import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.attendance.states import ABSENCE_TRANSITIONS
from qosymsha.kernel.schema import history_of, only_transitions, same_place

_CASES = """
CREATE FUNCTION move_absence_cases(ids bigint[], target text, because text, moment timestamptz, who bigint)
RETURNS int LANGUAGE sql AS $$
    WITH before AS (SELECT id, state FROM absence_case WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE),
    moved AS (
        UPDATE absence_case c SET state = target FROM before b WHERE c.id = b.id RETURNING c.id, b.state AS from_state),
    told AS (
        INSERT INTO absence_case_history (absence_case_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT m.id, 1 + (SELECT coalesce(max(h.seq), 0) FROM absence_case_history h WHERE h.absence_case_id = m.id),
               m.from_state, target, because, moment, who FROM moved m ORDER BY m.id
        RETURNING 1)
    SELECT count(*)::int FROM told
$$;
"""


class Migration(migrations.Migration):
    """Tables and the function that moves cases."""

    dependencies = [("attendance", "0004_sheets"), ("people", "0001_initial"), ("vouchers", "0002_functions")]
    operations = [
        migrations.CreateModel(
            name="AbsenceCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("state", models.TextField()),
                ("missed", models.IntegerField()),
                ("opened_at", models.DateTimeField()),
                ("hear_until", models.DateField(null=True)),
                ("objection", models.TextField(blank=True)),
                ("objected_by", models.BigIntegerField(null=True)),
                ("evidence", models.TextField(blank=True)),
                ("enrolment", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment")),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
                (
                    "voucher",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="vouchers.voucher"
                    ),
                ),
            ],
            options={
                "db_table": "absence_case",
            },
        ),
        migrations.CreateModel(
            name="AbsenceCaseHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("cause", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "absence_case",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.absencecase"
                    ),
                ),
            ],
            options={
                "db_table": "absence_case_history",
            },
        ),
        migrations.CreateModel(
            name="AbsenceNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("kind", models.TextField()),
                ("days", django.contrib.postgres.fields.ranges.DateRangeField()),
                ("reason", models.TextField()),
                ("paper", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                ("enrolment", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment")),
                (
                    "guardian",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.guardian"
                    ),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "absence_notice",
            },
        ),
        migrations.AddConstraint(
            model_name="absencecase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["warned", "suspended"])),
                fields=("enrolment",),
                name="absence_case_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="absencecase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "suspended"), _negated=True), ("hear_until__isnull", False), _connector="OR"
                ),
                name="absence_case_heard_before_release",
            ),
        ),
        migrations.AddConstraint(
            model_name="absencecasehistory",
            constraint=models.UniqueConstraint(fields=("absence_case", "seq"), name="absence_case_history_seq"),
        ),
        migrations.AddConstraint(
            model_name="absencenotice",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["ill", "excused"])), name="absence_notice_kind"
            ),
        ),
        migrations.RunSQL(_CASES, "DROP FUNCTION move_absence_cases"),
        same_place("absence_notice", "enrolment_id", "enrolment"),
        same_place("absence_case", "enrolment_id", "enrolment"),
        only_transitions("absence_case", "state", ABSENCE_TRANSITIONS),
        *history_of("absence_case", ABSENCE_TRANSITIONS),
    ]
