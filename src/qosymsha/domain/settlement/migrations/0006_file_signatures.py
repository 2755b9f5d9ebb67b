"""A payment file's own signature and whose it is, frozen with it; files drawn before have none (decision 0058)."""

from django.db import migrations, models

_FROZEN = """
CREATE TRIGGER payment_file_signature_stays BEFORE UPDATE OF signature, signed_by
    ON payment_file FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    """Both columns may be empty, so that the version before this one goes on."""

    dependencies = [("settlement", "0005_promises")]
    operations = [
        migrations.AddField("PaymentFile", "signature", models.BinaryField(null=True)),
        migrations.AddField("PaymentFile", "signed_by", models.BinaryField(null=True)),
        migrations.RunSQL(_FROZEN, "DROP TRIGGER payment_file_signature_stays ON payment_file"),
    ]
