"""All addresses: `/{kk|ru|en}/…` for pages, doors by prefix. No GET changes anything."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from qosymsha.interfaces.public import views

urlpatterns = [
    path("", views.home, name="home"),
    *i18n_patterns(path("", include("qosymsha.interfaces.public.urls")), prefix_default_language=True),
]
handler404 = "qosymsha.interfaces.public.views.not_found"
handler500 = "qosymsha.interfaces.public.views.broken"
