"""Transfers to another budget line that wait for its money."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.vouchers.states import TRANSFER_TRANSITIONS
from qosymsha.kernel.schema import history_of, only_transitions, same_place


class Migration(migrations.Migration):
    """The queue and its history."""

    dependencies = [
        ("people", "0003_sign_in"),
        ("programmes", "0002_guards"),
        ("providers", "0002_house_rules"),
        ("vouchers", "0003_left_over"),
    ]

    operations = [
        migrations.CreateModel(
            name="TransferRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("guardian_id", models.BigIntegerField()),
                ("starts_on", models.DateField()),
                ("needed_tiyn", models.BigIntegerField()),
                ("state", models.TextField()),
                ("reason", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("until", models.DateField()),
                (
                    "enrolment",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.clubgroup"
                    ),
                ),
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
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
                ("voucher", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.voucher")),
            ],
            options={
                "db_table": "transfer_request",
            },
        ),
        migrations.CreateModel(
            name="TransferRequestHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("cause", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "transfer_request",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="vouchers.transferrequest"
                    ),
                ),
            ],
            options={
                "db_table": "transfer_request_history",
            },
        ),
        migrations.AddIndex(
            model_name="transferrequest",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["line", "id"], name="transfer_request_queue"
            ),
        ),
        migrations.AddConstraint(
            model_name="transferrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")), fields=("voucher",), name="transfer_request_one_per_voucher"
            ),
        ),
        migrations.AddConstraint(
            model_name="transferrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("enrolment__isnull", True), ("state__in", ["waiting", "withdrawn", "expired", "refused"])
                    ),
                    models.Q(("enrolment__isnull", False), ("state", "done")),
                    _connector="OR",
                ),
                name="transfer_request_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="transferrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("needed_tiyn__gt", 0)), name="transfer_request_needs_money"
            ),
        ),
        migrations.AddConstraint(
            model_name="transferrequesthistory",
            constraint=models.UniqueConstraint(fields=("transfer_request", "seq"), name="transfer_request_history_seq"),
        ),
        same_place("transfer_request", "voucher_id", "voucher"),
        same_place("transfer_request", "group_id", "club_group"),
        same_place("transfer_request", "line_id", "budget_line"),
        only_transitions("transfer_request", "state", TRANSFER_TRANSITIONS),
        *history_of("transfer_request", TRANSFER_TRANSITIONS),
    ]
