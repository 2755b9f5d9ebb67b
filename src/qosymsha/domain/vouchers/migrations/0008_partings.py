"""What one of two guardians asks and nobody can undo waits for the other (docs/decisions/0063)."""

from django.db import migrations, models
from django.db.models import PROTECT, Q

import qosymsha.kernel.entropy
from qosymsha.domain.vouchers.states import PARTING_TRANSITIONS
from qosymsha.kernel.schema import only_transitions


class Migration(migrations.Migration):
    """A table of its own: no row of another is touched."""

    dependencies = [
        ("people", "0010_consents"),
        ("programmes", "0001_initial"),
        ("providers", "0001_initial"),
        ("vouchers", "0007_youth"),
    ]
    operations = [
        migrations.CreateModel(
            name="Parting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("voucher_state", models.TextField()),
                ("guardian_id", models.BigIntegerField()),
                ("kind", models.TextField()),
                ("on", models.DateField(null=True)),
                ("reason", models.TextField(blank=True)),
                ("waits", models.BooleanField(default=False)),
                ("state", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("takes_on", models.DateField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.BigIntegerField(null=True)),
                ("enrolment", models.ForeignKey("vouchers.enrolment", db_index=False, null=True, on_delete=PROTECT)),
                ("group", models.ForeignKey("providers.clubgroup", db_index=False, null=True, on_delete=PROTECT)),
                ("programme", models.ForeignKey("programmes.programme", db_index=False, on_delete=PROTECT)),
                ("territory", models.ForeignKey("people.territory", db_index=False, on_delete=PROTECT)),
                ("voucher", models.ForeignKey("vouchers.voucher", on_delete=PROTECT)),
            ],
            options={
                "db_table": "parting",
                "indexes": [
                    models.Index(condition=Q(state="waiting"), fields=["programme", "takes_on"], name="parting_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(state="waiting"), fields=("voucher",), name="parting_one_per_voucher"
                    ),
                    models.CheckConstraint(
                        condition=Q(kind="leave", on__isnull=False, group=None)
                        | Q(kind="move", on__isnull=False, group__isnull=False)
                        | Q(kind="refuse", on=None, group=None, takes_on=None),
                        name="parting_kind",
                    ),
                    models.CheckConstraint(
                        condition=Q(state="waiting", ended_at=None)
                        | Q(state__in=["done", "stopped", "over"], ended_at__isnull=False),
                        name="parting_state",
                    ),
                ],
            },
        ),
        only_transitions("parting", "state", PARTING_TRANSITIONS),
    ]
