"""The family door's addresses, below `/{language}/family/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.family import views

urlpatterns = [
    path("", views.home, name="family-home"),
]
