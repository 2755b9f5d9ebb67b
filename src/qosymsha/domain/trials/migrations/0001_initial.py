"""Trial lessons: the tables and the house's rules for them."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.trials.states import TRANSITIONS
from qosymsha.kernel.schema import history_of, only_transitions, same_place


class Migration(migrations.Migration):
    """The tables, legal lives, keys that keep place equal."""

    initial = True

    dependencies = [
        ("attendance", "0006_by_instant"),
        ("people", "0009_role_proposals"),
        ("programmes", "0004_draw_words"),
        ("providers", "0004_desk"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrialLesson",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("guardian_id", models.BigIntegerField()),
                ("state", models.TextField()),
                ("booked_at", models.DateTimeField()),
                ("marked_by", models.BigIntegerField(null=True)),
                ("marked_at", models.DateTimeField(null=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.clubgroup"
                    ),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.provider"
                    ),
                ),
                (
                    "rule_set",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.ruleset"
                    ),
                ),
                ("session", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="attendance.session")),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "trial_lesson",
            },
        ),
        migrations.CreateModel(
            name="TrialLessonHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("cause", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "trial_lesson",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="trials.triallesson"
                    ),
                ),
            ],
            options={
                "db_table": "trial_lesson_history",
            },
        ),
        migrations.AddIndex(
            model_name="triallesson",
            index=models.Index(fields=["provider", "session"], name="trial_lesson_of"),
        ),
        migrations.AddConstraint(
            model_name="triallesson",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "cancelled"), _negated=True),
                fields=("group", "child"),
                name="trial_lesson_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="triallesson",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("marked_at__isnull", True), ("state__in", ["booked", "cancelled"])),
                    models.Q(
                        ("marked_at__isnull", False), ("marked_by__isnull", False), ("state__in", ["came", "missed"])
                    ),
                    _connector="OR",
                ),
                name="trial_lesson_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="triallessonhistory",
            constraint=models.UniqueConstraint(fields=("trial_lesson", "seq"), name="trial_lesson_history_seq"),
        ),
        same_place("trial_lesson", "group_id", "club_group"),
        same_place("trial_lesson", "session_id", "session"),
        same_place("trial_lesson", "rule_set_id", "rule_set"),
        only_transitions("trial_lesson", "state", TRANSITIONS),
        *history_of("trial_lesson", TRANSITIONS),
    ]
