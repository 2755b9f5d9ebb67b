"""What Django has no words for: the legal life of a certified category."""

from django.db import migrations

from qosymsha.domain.people.states import STATUS_TRANSITIONS
from qosymsha.kernel.schema import only_transitions


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]
    operations = [only_transitions("child_status", "state", STATUS_TRANSITIONS)]
