"""What was asked and opened stays as it was."""

from django.db import migrations

from qosymsha.kernel.schema import insert_only


class Migration(migrations.Migration):
    """What Django's migrations have no words for."""

    dependencies = [("enquiries", "0001_initial"), ("kernel", "0001_initial")]
    operations = [insert_only("enquiry"), insert_only("enquiry_hit"), insert_only("enquiry_opening")]
