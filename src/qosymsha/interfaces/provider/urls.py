"""The provider door's addresses, below `/{language}/provider/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.provider import lessons, views

urlpatterns = [
    path("", views.home, name="provider-home"),
    path("lessons/", lessons.day, name="provider-lessons"),
    path("lessons/sync/", lessons.sync, name="provider-sync"),
    path("lessons/<uuid:session_uuid>/code/", lessons.code, name="provider-code"),
    path("lessons/<uuid:session_uuid>/here/", lessons.here, name="provider-here"),
    path("worker.js", lessons.worker, name="provider-worker"),
]
