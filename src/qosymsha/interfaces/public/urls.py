"""The public door's addresses, below the language."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.public import about, campaigns, choices, clubs, rounds, status, views, vouchers

urlpatterns = [
    path("", views.first_page, name="first-page"),
    path("clubs/", clubs.find, name="clubs"),
    path("clubs/map/", clubs.club_map, name="club-map"),
    path("clubs/compare/", clubs.compare, name="club-compare"),
    path("clubs/<uuid:group_uuid>/", clubs.one_club, name="club"),
    path("voucher/<str:code>/", vouchers.check, name="voucher-check"),
    path("points/", about.points, name="points"),
    path("open/", about.open_figures, name="open"),
    path("accessibility/", about.accessibility, name="accessibility"),
    path("design/", about.design, name="design"),
    path("offline/", about.offline, name="offline"),
    path("status/", status.status, name="status"),
    path("rounds/", rounds.all_rounds, name="rounds"),
    path("rounds/<uuid:round_uuid>/", rounds.one_round, name="round"),
    path("rounds/<uuid:round_uuid>/check/", rounds.check, name="check"),
    path("rounds/<uuid:round_uuid>/root.txt", rounds.root, name="root"),
    path("rounds/<uuid:round_uuid>/moves.tsv", rounds.moves, name="round-moves"),
    path("rounds/<uuid:round_uuid>/files/<str:name>", rounds.file, name="round-file"),
    path("rounds/<uuid:round_uuid>/parts/<int:part>.tsv", rounds.part, name="round-part"),
    path("controls/", campaigns.controls, name="controls"),
    path("controls/<uuid:campaign_uuid>/", campaigns.control, name="control"),
    path("controls/<uuid:campaign_uuid>/campaign.json", campaigns.document, name="control-document"),
    path("choice/", choices.all_choices, name="choices"),
    path("choice/<uuid:round_uuid>/", choices.one_choice, name="choice"),
    path("choice/<uuid:round_uuid>/root.txt", choices.root, name="choice-root"),
    path("choice/<uuid:round_uuid>/files/<str:name>", choices.file, name="choice-file"),
]
