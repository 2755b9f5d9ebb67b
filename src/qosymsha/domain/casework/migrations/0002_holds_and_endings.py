"""Rows held by name, and vouchers ended by two officials."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.casework.states import ENDING_TRANSITIONS
from qosymsha.kernel.schema import only_transitions, same_place

_PAST_HOLDS_STAY = """
CREATE FUNCTION row_hold_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.kind, NEW.subject_id, NEW.holder_id, NEW.given_by, NEW.since, NEW.until)
       IS DISTINCT FROM (OLD.kind, OLD.subject_id, OLD.holder_id, OLD.given_by, OLD.since, OLD.until)
    THEN RAISE EXCEPTION 'a hold is only ended' USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER row_hold_stays BEFORE UPDATE ON row_hold FOR EACH ROW EXECUTE FUNCTION row_hold_stays();
CREATE TRIGGER row_hold_kept BEFORE DELETE OR TRUNCATE ON row_hold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0001_initial"),
        ("people", "0009_role_proposals"),
        ("programmes", "0004_draw_words"),
        ("vouchers", "0005_hot_verbs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RowHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("subject_id", models.BigIntegerField()),
                ("given_by", models.BigIntegerField()),
                ("since", models.DateTimeField()),
                ("until", models.DateField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.BigIntegerField(null=True)),
                ("over", models.TextField(blank=True, default="")),
                (
                    "holder",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                "db_table": "row_hold",
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["holder", "kind"], name="row_hold_of_holder"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("kind", "subject_id"), name="row_hold_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_by", None), ("over", "")),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_by__isnull", False),
                                models.Q(("over", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="row_hold_ended_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VoucherEnding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("ending", models.TextField()),
                ("ground", models.TextField(blank=True)),
                ("words", models.TextField()),
                ("state", models.TextField()),
                ("proposed_by", models.BigIntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("hear_until", models.DateField()),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("answer", models.TextField(blank=True, default="")),
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
                ("voucher", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.voucher")),
            ],
            options={
                "db_table": "voucher_ending",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "proposed")),
                        fields=["programme", "hear_until"],
                        name="voucher_ending_waits",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")), fields=("voucher",), name="voucher_ending_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_by", None), ("state", "proposed")),
                            models.Q(("decided_by", models.F("proposed_by")), ("state", "withdrawn")),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["carried_out", "declined"]),
                                models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="voucher_ending_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ending", "release"),
                            models.Q(("ending", "close"), models.Q(("ground", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="voucher_ending_has_ground",
                    ),
                ],
            },
        ),
        same_place("voucher_ending", "voucher_id", "voucher"),
        only_transitions("voucher_ending", "state", ENDING_TRANSITIONS),
        migrations.RunSQL(
            _PAST_HOLDS_STAY, "DROP FUNCTION row_hold_stays CASCADE; DROP TRIGGER row_hold_kept ON row_hold"
        ),
    ]
