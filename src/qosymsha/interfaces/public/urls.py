"""The public door's addresses, below the language."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.public import rounds, views

urlpatterns = [
    path("", views.first_page, name="first-page"),
    path("rounds/", rounds.all_rounds, name="rounds"),
    path("rounds/<uuid:round_uuid>/", rounds.one_round, name="round"),
    path("rounds/<uuid:round_uuid>/check/", rounds.check, name="check"),
    path("rounds/<uuid:round_uuid>/root.txt", rounds.root, name="root"),
    path("rounds/<uuid:round_uuid>/files/<str:name>", rounds.file, name="round-file"),
    path("rounds/<uuid:round_uuid>/parts/<int:part>.tsv", rounds.part, name="round-part"),
]
