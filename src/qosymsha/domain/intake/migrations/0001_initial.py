"""Drafts of applications, and categories named with papers."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.intake.states import CASE_TRANSITIONS
from qosymsha.kernel.schema import insert_only, only_transitions, same_place


class Migration(migrations.Migration):
    """Drafts, cases and their steps; a case moves by its table of transitions only."""

    initial = True

    dependencies = [
        ("admission", "0003_hot_verbs"),
        ("people", "0007_copied_passkeys"),
        ("programmes", "0003_drafts"),
    ]

    operations = [
        migrations.CreateModel(
            name="CategoryCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("category", models.TextField()),
                ("state", models.TextField()),
                ("named_at", models.DateTimeField()),
                ("handed_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("ground", models.TextField(blank=True, default="")),
                ("words", models.TextField(blank=True, default="")),
                ("first_day", models.DateField(null=True)),
                ("last_day", models.DateField(null=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
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
                    "round",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="admission.round"
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
                "db_table": "category_case",
            },
        ),
        migrations.CreateModel(
            name="CategoryCaseStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("ground", models.TextField(blank=True, default="")),
                ("words", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="intake.categorycase"
                    ),
                ),
            ],
            options={
                "db_table": "category_case_step",
            },
        ),
        migrations.CreateModel(
            name="ApplicationDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("kind", models.TextField(blank=True)),
                ("saved_at", models.DateTimeField()),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
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
                ("round", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="admission.round")),
            ],
            options={
                "db_table": "application_draft",
                "constraints": [models.UniqueConstraint(fields=("child", "programme"), name="application_draft_once")],
            },
        ),
        migrations.AddIndex(
            model_name="categorycase",
            index=models.Index(
                condition=models.Q(("state__in", ["open", "asked"])),
                fields=["territory", "handed_at"],
                name="category_case_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["open", "asked"])),
                fields=("child", "round", "category"),
                name="category_case_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycase",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "asked", "certified", "refused", "withdrawn"])),
                name="category_case_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "ground__in",
                        [
                            "",
                            "unreadable",
                            "other_person",
                            "out_of_date",
                            "proves_something_else",
                            "not_genuine",
                            "register_says_no",
                        ],
                    )
                ),
                name="category_case_ground",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["refused", "asked"]), _negated=True),
                    models.Q(models.Q(("ground", ""), _negated=True), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="category_case_refused_on_a_ground",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "certified"), _negated=True),
                    models.Q(("decided_by__isnull", False), ("first_day__isnull", False)),
                    _connector="OR",
                ),
                name="category_case_certified_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="categorycasestep",
            constraint=models.UniqueConstraint(fields=("case", "seq"), name="category_case_step_seq"),
        ),
        only_transitions("category_case", "state", CASE_TRANSITIONS),
        insert_only("category_case_step"),
        same_place("category_case", "round_id", "admission_round"),
    ]
