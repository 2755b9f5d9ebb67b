"""The queue: procrastinate on Django's own database; the tasks stand in `schedule` and are found by its name."""

from __future__ import annotations

from procrastinate.contrib.django.db_cleanup import DjangoApp
from procrastinate.contrib.django.django_connector import DjangoConnector

TASKS = "qosymsha.interfaces.jobs.schedule"
connector = DjangoConnector()
app = DjangoApp(connector=connector, import_paths=[TASKS])
