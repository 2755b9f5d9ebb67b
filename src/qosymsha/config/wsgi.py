"""The WSGI application, for `qosymsha serve` and for any server of an installation."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
application = get_wsgi_application()
