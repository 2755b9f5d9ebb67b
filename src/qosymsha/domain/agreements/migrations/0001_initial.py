"""Contracts with families, papers, charges, receipts."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy


class Migration(migrations.Migration):
    """Their tables."""

    initial = True

    dependencies = [
        ("people", "0005_childrens_data"),
        ("programmes", "0002_guards"),
        ("providers", "0003_catalogue"),
        ("vouchers", "0005_hot_verbs"),
    ]

    operations = [
        migrations.CreateModel(
            name="EnrolmentPaper",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("code", models.TextField()),
                ("issued_on", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                ("document_id", models.BigIntegerField(null=True)),
                ("state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("by_user", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("checked_by", models.BigIntegerField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                ("enrolment", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment")),
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
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "enrolment_paper",
            },
        ),
        migrations.CreateModel(
            name="FamilyContract",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("number", models.TextField(unique=True)),
                ("template", models.TextField()),
                ("template_hash", models.BinaryField()),
                ("content", models.BinaryField()),
                ("hash", models.BinaryField()),
                ("charge_tiyn", models.BigIntegerField()),
                ("state", models.TextField()),
                ("drawn_at", models.DateTimeField()),
                ("sign_by", models.DateField()),
                ("reminded_at", models.DateTimeField(null=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                (
                    "enrolment",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment"),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                ("provider", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider")),
                (
                    "rule_set",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.ruleset"
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
                "db_table": "family_contract",
            },
        ),
        migrations.CreateModel(
            name="FamilyContractSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("side", models.TextField()),
                ("user_id", models.BigIntegerField()),
                ("guardian_id", models.BigIntegerField(null=True)),
                ("content_hash", models.BinaryField()),
                ("proof_at", models.DateTimeField()),
                ("proof_way", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "contract",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="agreements.familycontract"
                    ),
                ),
            ],
            options={
                "db_table": "family_contract_signature",
            },
        ),
        migrations.CreateModel(
            name="FamilyReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("number", models.TextField(unique=True)),
                ("month", models.DateField()),
                ("amount_tiyn", models.BigIntegerField()),
                ("paid_on", models.DateField()),
                ("recorded_by", models.BigIntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("cancelled_by", models.BigIntegerField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
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
            ],
            options={
                "db_table": "family_receipt",
            },
        ),
        migrations.CreateModel(
            name="GroupCharge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount_tiyn", models.BigIntegerField()),
                ("what_for", models.TextField()),
                ("user_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.clubgroup")),
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
                "db_table": "group_charge",
            },
        ),
        migrations.AddIndex(
            model_name="enrolmentpaper",
            index=models.Index(fields=["provider", "child", "code"], name="enrolment_paper_of"),
        ),
        migrations.AddConstraint(
            model_name="enrolmentpaper",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["given", "seen", "returned"]),
                    models.Q(
                        models.Q(("state", "returned"), _negated=True),
                        models.Q(("reason", ""), _negated=True),
                        _connector="OR",
                    ),
                ),
                name="enrolment_paper_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrolmentpaper",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True), ("valid_until__gte", models.F("issued_on")), _connector="OR"
                ),
                name="enrolment_paper_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="familycontract",
            constraint=models.UniqueConstraint(fields=("id", "territory", "programme"), name="family_contract_place"),
        ),
        migrations.AddConstraint(
            model_name="familycontract",
            constraint=models.CheckConstraint(
                condition=models.Q(("charge_tiyn__gte", 0), ("state__in", ["open", "signed"])),
                name="family_contract_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="familycontractsignature",
            constraint=models.UniqueConstraint(fields=("contract", "side"), name="family_contract_signed_once"),
        ),
        migrations.AddConstraint(
            model_name="familycontractsignature",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("guardian_id__isnull", False), ("side", "family")),
                    models.Q(("guardian_id__isnull", True), ("side", "provider")),
                    _connector="OR",
                ),
                name="family_contract_signature_side",
            ),
        ),
        migrations.AddConstraint(
            model_name="familyreceipt",
            constraint=models.CheckConstraint(condition=models.Q(("amount_tiyn__gt", 0)), name="family_receipt_sane"),
        ),
        migrations.AddConstraint(
            model_name="groupcharge",
            constraint=models.CheckConstraint(condition=models.Q(("amount_tiyn__gte", 0)), name="group_charge_sane"),
        ),
    ]
