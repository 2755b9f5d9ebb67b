"""The WSGI application, for `qosymsha serve` and for any server of an installation."""

from __future__ import annotations

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
_django = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402 - the app registry first

from qosymsha.interfaces.ui import build, texts  # noqa: E402
from qosymsha.interfaces.ui.shedding import Shedding, limits  # noqa: E402

application = Shedding(_django, limits())

# Done before the first visitor comes, not while a crowd waits for it.
get_resolver().url_patterns  # noqa: B018 - reads every door's views and forms
build.build_id()
for _language in texts.LANGUAGES:
    texts.catalogue(_language)

# What is loaded now lives as long as the process: the collector need not walk it again at every request.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 50, 50)
sys.setswitchinterval(0.001)  # a page that waits for the interpreter behind another one waits a millisecond, not five
