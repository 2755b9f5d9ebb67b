"""Acts, their signatures, e-invoices; what files and replies need besides."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.settlement.states import ACT_TRANSITIONS, INVOICE_TRANSITIONS
from qosymsha.kernel.schema import history_of, insert_only, only_transitions, same_place

# What both sides signed stays as it is; so do an e-invoice's number and amount.
_FROZEN = """
CREATE SEQUENCE service_act_number;
CREATE TRIGGER service_act_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id, number, provider_id, claim_id, customer_bin,
    amount_tiyn, content, hash ON service_act FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER e_invoice_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF service_act_id, provider_id, number, lookup,
    issued_on, amount_tiyn ON e_invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX service_act_open ON service_act (programme_id) WHERE state NOT IN ('done', 'refused');
"""

# Asked again where an act is called signed or done, whoever writes: both sides' signatures of exactly these bytes.
_BOTH_SIDES = """
CREATE FUNCTION service_act_must_be_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM act_signature s WHERE s.service_act_id = NEW.id AND s.content_hash = NEW.hash) < 2 THEN
        RAISE EXCEPTION 'act % is not signed by both sides', NEW.number
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'service_act_signed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER service_act_signed AFTER UPDATE OF state ON service_act FOR EACH ROW
    WHEN (NEW.state IN ('awaiting_invoice', 'checking', 'done')) EXECUTE FUNCTION service_act_must_be_signed();
"""


class Migration(migrations.Migration):
    """Tables of papers, and what holds whoever writes to them."""

    dependencies = [
        ("settlement", "0003_claims"),
        ("people", "0001_initial"),
        ("programmes", "0001_initial"),
        ("providers", "0001_initial"),
    ]
    operations = [
        migrations.CreateModel(
            name="Signatory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField(unique=True)),
                ("basis", models.TextField()),
                ("registered_by", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "signatory",
            },
        ),
        migrations.AddField(
            model_name="bankreply",
            name="currency",
            field=models.TextField(default="KZT"),
        ),
        migrations.AddField(
            model_name="bankreply",
            name="file_number",
            field=models.TextField(default=""),
        ),
        migrations.CreateModel(
            name="ServiceAct",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("number", models.TextField(unique=True)),
                ("customer_bin", models.CharField(max_length=12)),
                ("amount_tiyn", models.BigIntegerField()),
                ("content", models.BinaryField()),
                ("hash", models.BinaryField()),
                ("state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("drawn_at", models.DateTimeField()),
                ("claim", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.claim")),
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
                "db_table": "service_act",
            },
        ),
        migrations.CreateModel(
            name="EInvoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.TextField()),
                ("lookup", models.BinaryField()),
                ("issued_on", models.DateField()),
                ("amount_tiyn", models.BigIntegerField()),
                ("state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("recorded_by", models.BigIntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.provider"
                    ),
                ),
                (
                    "service_act",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="settlement.serviceact"
                    ),
                ),
            ],
            options={
                "db_table": "e_invoice",
            },
        ),
        migrations.CreateModel(
            name="ActSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("side", models.TextField()),
                ("user_id", models.BigIntegerField()),
                ("content_hash", models.BinaryField()),
                ("signature_hash", models.BinaryField(unique=True)),
                ("certificate", models.TextField()),
                ("issuer", models.TextField()),
                ("is_legal", models.BooleanField()),
                ("at", models.DateTimeField()),
                (
                    "service_act",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="settlement.serviceact"
                    ),
                ),
            ],
            options={
                "db_table": "act_signature",
            },
        ),
        migrations.CreateModel(
            name="ServiceActHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "service_act",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="settlement.serviceact"),
                ),
            ],
            options={
                "db_table": "service_act_history",
            },
        ),
        migrations.CreateModel(
            name="ReplyDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("choice", models.TextField()),
                ("basis", models.TextField()),
                ("user_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "line",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="settlement.paymentline"
                    ),
                ),
                ("reply", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="settlement.bankreply")),
            ],
            options={
                "db_table": "reply_decision",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("choice", "dismiss"), ("line__isnull", True)),
                            models.Q(("choice", "apply"), ("line__isnull", False)),
                            _connector="OR",
                        ),
                        name="reply_decision_choice",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="serviceact",
            constraint=models.UniqueConstraint(fields=("id", "territory", "programme"), name="service_act_place"),
        ),
        migrations.AddConstraint(
            model_name="serviceact",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "refused"), _negated=True), fields=("claim",), name="service_act_one_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="serviceact",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["signing", "awaiting_invoice", "checking", "done", "refused"])),
                name="service_act_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="einvoice",
            constraint=models.UniqueConstraint(fields=("provider", "lookup"), name="e_invoice_number_once"),
        ),
        migrations.AddConstraint(
            model_name="einvoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "rejected"), _negated=True),
                fields=("service_act",),
                name="e_invoice_one_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="einvoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["recorded", "accepted", "rejected"])), name="e_invoice_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="einvoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "recorded"),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="e_invoice_decided_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="actsignature",
            constraint=models.UniqueConstraint(fields=("service_act", "side"), name="act_signature_side_once"),
        ),
        migrations.AddConstraint(
            model_name="actsignature",
            constraint=models.UniqueConstraint(fields=("service_act", "user_id"), name="act_signature_two_people"),
        ),
        migrations.AddConstraint(
            model_name="actsignature",
            constraint=models.CheckConstraint(
                condition=models.Q(("side__in", ["provider", "customer"])), name="act_signature_side"
            ),
        ),
        migrations.AddConstraint(
            model_name="serviceacthistory",
            constraint=models.UniqueConstraint(fields=("service_act", "seq"), name="service_act_history_seq"),
        ),
        same_place("service_act", "claim_id", "claim"),
        migrations.RunSQL(_FROZEN, "DROP SEQUENCE service_act_number"),
        migrations.RunSQL(_BOTH_SIDES, "DROP FUNCTION service_act_must_be_signed CASCADE"),
        only_transitions("service_act", "state", ACT_TRANSITIONS),
        only_transitions("e_invoice", "state", INVOICE_TRANSITIONS),
        *history_of("service_act", ACT_TRANSITIONS),
        insert_only("act_signature"),
        insert_only("reply_decision"),
    ]
