"""What claims need besides: frozen inputs, corrections and claw-back, lines carried over, where each tenge was."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.settlement.states import RECOVERY_TRANSITIONS, REFUND_TRANSITIONS
from qosymsha.kernel.schema import insert_only, only_transitions, same_place

_NUMBERS = "CREATE SEQUENCE recovery_number"

# Amounts, causes and reasons stay; states move, rows die with their claim or recovery.
_FROZEN = """
CREATE TRIGGER recovery_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id, number, provider_id, line_id, claim_id,
    amount_tiyn, reason, proposed_by, proposed_at ON recovery FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER recovery_row_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF recovery_id, sheet_row_id, units, amount_tiyn
    ON recovery_row FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER claim_offset_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF claim_id, recovery_id, amount_tiyn
    ON claim_offset FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF recovery_id, reference, amount_tiyn, recorded_by
    ON refund FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

_PAID_CLAIMS_ONLY = """
CREATE FUNCTION recovery_must_be_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(r.amount_tiyn) FROM recovery r WHERE r.claim_id = NEW.claim_id AND r.state <> 'dismissed')
       > (SELECT amount_tiyn FROM claim WHERE id = NEW.claim_id AND state = 'paid') IS NOT FALSE THEN
        RAISE EXCEPTION 'claim % is not paid, or more would be clawed back than it paid', NEW.claim_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'recovery_within_paid';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER recovery_within_paid AFTER INSERT ON recovery FOR EACH ROW EXECUTE FUNCTION recovery_must_be_paid();
"""


class Migration(migrations.Migration):
    """Tables of corrections and explanations, and what holds whoever writes to them."""

    dependencies = [
        ("settlement", "0002_guards"),
        ("attendance", "0001_initial"),
        ("people", "0001_initial"),
        ("programmes", "0001_initial"),
        ("providers", "0001_initial"),
    ]
    operations = [
        migrations.CreateModel(
            name="ClaimInput",
            fields=[
                (
                    "claim",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="settlement.claim",
                    ),
                ),
                ("content", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "claim_input",
            },
        ),
        migrations.CreateModel(
            name="CarriedLine",
            fields=[
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="programmes.budgetline",
                    ),
                ),
                (
                    "closed_year",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="settlement.closedyear"
                    ),
                ),
                (
                    "next_line",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programmes.budgetline",
                    ),
                ),
            ],
            options={
                "db_table": "carried_line",
            },
        ),
        migrations.CreateModel(
            name="MoneyDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("at", models.DateTimeField()),
                ("hash", models.BinaryField()),
                ("summary", models.JSONField()),
                ("differences", models.IntegerField()),
                (
                    "programme",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"),
                ),
            ],
            options={
                "db_table": "money_day",
            },
        ),
        migrations.CreateModel(
            name="PlaceCover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.TextField()),
                ("amount_tiyn", models.BigIntegerField()),
                ("decision", models.TextField()),
                ("decided_by", models.BigIntegerField()),
                ("decided_at", models.DateTimeField()),
                (
                    "line",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.budgetline"
                    ),
                ),
                ("sheet_row", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="attendance.sheetrow")),
            ],
            options={
                "db_table": "place_cover",
            },
        ),
        migrations.CreateModel(
            name="Recovery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("number", models.TextField(unique=True)),
                ("amount_tiyn", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("state", models.TextField()),
                ("evidence", models.TextField(blank=True)),
                ("decision", models.TextField(blank=True)),
                ("plan_permille", models.IntegerField(default=0)),
                ("proposed_by", models.BigIntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("supported_by", models.BigIntegerField(null=True)),
                ("supported_at", models.DateTimeField(null=True)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("claim", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.claim")),
                (
                    "line",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.budgetline"
                    ),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                ("provider", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider")),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "recovery",
            },
        ),
        migrations.CreateModel(
            name="RecoveryRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("units", models.IntegerField()),
                ("amount_tiyn", models.BigIntegerField()),
                ("is_decided", models.BooleanField(default=False)),
                (
                    "recovery",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="settlement.recovery"
                    ),
                ),
                ("sheet_row", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="attendance.sheetrow")),
            ],
            options={
                "db_table": "recovery_row",
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("reference", models.TextField(unique=True)),
                ("amount_tiyn", models.BigIntegerField()),
                ("state", models.TextField()),
                ("recorded_by", models.BigIntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("confirmed_by", models.BigIntegerField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("recovery", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.recovery")),
            ],
            options={
                "db_table": "refund",
            },
        ),
        migrations.CreateModel(
            name="ClaimOffset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount_tiyn", models.BigIntegerField()),
                ("live", models.BooleanField(default=True)),
                ("claim", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.claim")),
                ("recovery", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.recovery")),
            ],
            options={
                "db_table": "claim_offset",
            },
        ),
        migrations.AddConstraint(
            model_name="moneyday",
            constraint=models.UniqueConstraint(fields=("programme", "day"), name="money_day_once"),
        ),
        migrations.AddConstraint(
            model_name="placecover",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_tiyn__gt", 0), ("source__in", ["held", "free"]), models.Q(("decision", ""), _negated=True)
                ),
                name="place_cover_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.UniqueConstraint(fields=("id", "territory", "programme"), name="recovery_place"),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "supported", "decided", "dismissed"])),
                name="recovery_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(condition=models.Q(("amount_tiyn__gt", 0)), name="recovery_positive"),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "proposed"),
                    models.Q(
                        ("supported_at__isnull", False),
                        ("supported_by__gt", 0),
                        models.Q(("evidence", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="recovery_has_evidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["decided", "dismissed"]), _negated=True),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__gt", 0),
                        models.Q(("decision", ""), _negated=True),
                        models.Q(("decided_by", models.F("supported_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="recovery_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="claimoffset",
            constraint=models.UniqueConstraint(fields=("claim", "recovery"), name="claim_offset_once"),
        ),
        migrations.AddConstraint(
            model_name="claimoffset",
            constraint=models.CheckConstraint(condition=models.Q(("amount_tiyn__gt", 0)), name="claim_offset_positive"),
        ),
        migrations.AddConstraint(
            model_name="recoveryrow",
            constraint=models.UniqueConstraint(fields=("recovery", "sheet_row"), name="recovery_row_once"),
        ),
        migrations.AddConstraint(
            model_name="recoveryrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_tiyn__gt", 0), ("units__gte", 0)), name="recovery_row_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["recorded", "confirmed"])), name="refund_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(condition=models.Q(("amount_tiyn__gt", 0)), name="refund_positive"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "recorded"),
                    models.Q(
                        ("confirmed_at__isnull", False),
                        ("confirmed_by__gt", 0),
                        models.Q(("confirmed_by", models.F("recorded_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="refund_two_people",
            ),
        ),
        migrations.RunSQL(_NUMBERS, "DROP SEQUENCE recovery_number"),
        migrations.RunSQL(_FROZEN, migrations.RunSQL.noop),
        migrations.RunSQL(_PAID_CLAIMS_ONLY, "DROP FUNCTION recovery_must_be_paid CASCADE"),
        same_place("recovery", "line_id", "budget_line"),
        same_place("recovery", "claim_id", "claim"),
        only_transitions("recovery", "state", RECOVERY_TRANSITIONS),
        only_transitions("refund", "state", REFUND_TRANSITIONS),
        insert_only("claim_input"),
        insert_only("carried_line"),
        insert_only("money_day"),
        insert_only("place_cover"),
    ]
