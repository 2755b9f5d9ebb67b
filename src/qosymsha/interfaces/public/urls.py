"""The public door's addresses, below the language."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.public import views

urlpatterns = [path("", views.first_page, name="first-page")]
