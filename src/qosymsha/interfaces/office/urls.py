"""The office door's addresses, below `/{language}/office/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.office import views

urlpatterns = [
    path("", views.home, name="office-home"),
]
