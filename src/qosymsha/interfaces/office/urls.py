"""The office door's addresses, below `/{language}/office/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.office import checks, claims, files, flags, money, reading, rows, sheets, views

urlpatterns = [
    path("", views.home, name="office-home"),
    path("sheets/", sheets.sheets, name="office-sheets"),
    path("sheets/approve/", sheets.approve, name="office-sheets-approve"),
    path("sheets/<uuid:sheet_uuid>/", sheets.sheet, name="office-sheet"),
    path("sheets/<uuid:sheet_uuid>/return/", sheets.send_back, name="office-sheet-return"),
    path("sheets/<uuid:sheet_uuid>/pause/", sheets.pause, name="office-sheet-pause"),
    path("sheets/<uuid:sheet_uuid>/resume/", sheets.resume, name="office-sheet-resume"),
    path("sheets/<uuid:sheet_uuid>/void/", sheets.void, name="office-sheet-void"),
    path("sheets/<uuid:sheet_uuid>/rows/<uuid:place>/", rows.row, name="office-row"),
    path("sheets/<uuid:sheet_uuid>/rows/<uuid:place>/days/", rows.days, name="office-days"),
    path("reading/", reading.reading, name="office-reading"),
    path("flags/", flags.flags, name="office-flags"),
    path("flags/<uuid:flag_uuid>/", flags.flag, name="office-flag"),
    path("claims/", claims.claims, name="office-claims"),
    path("claims/approve/", claims.approve, name="office-claims-approve"),
    path("claims/release/", claims.release, name="office-claims-release"),
    path("claims/return/", claims.send_back, name="office-claims-return"),
    path("claims/reverse/", claims.reverse, name="office-claims-reverse"),
    path("claims/<str:number>/", claims.claim, name="office-claim"),
    path("claims/<str:number>/trail/", claims.trail, name="office-trail"),
    path("files/", files.files, name="office-files"),
    path("files/draw/", files.draw, name="office-file-draw"),
    path("files/<str:number>/", files.file, name="office-file"),
    path("files/<str:number>/send/", files.send, name="office-file-send"),
    path("replies/", files.replies, name="office-replies"),
    path("replies/resolve/", files.resolve, name="office-reply"),
    path("recoveries/", money.recoveries, name="office-recoveries"),
    path("recoveries/<uuid:recovery_uuid>/support/", money.support, name="office-recovery-support"),
    path("recoveries/<uuid:recovery_uuid>/decide/", money.decide, name="office-recovery-decide"),
    path("checks/", checks.checks, name="office-checks"),
    path("money/", money.money, name="office-money"),
    path("money/seal/", money.seal, name="office-money-seal"),
]
