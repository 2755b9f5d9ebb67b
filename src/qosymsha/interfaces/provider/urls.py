"""The provider door's addresses, below `/{language}/provider/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.provider import changes, groups, lessons, month, pay, sheets, views

urlpatterns = [
    path("", views.home, name="provider-home"),
    path("choose/", views.chosen, name="provider-choose"),
    path("lessons/", lessons.day, name="provider-lessons"),
    path("lessons/sync/", lessons.sync, name="provider-sync"),
    path("lessons/<uuid:session_uuid>/code/", lessons.code, name="provider-code"),
    path("lessons/<uuid:session_uuid>/here/", lessons.here, name="provider-here"),
    path("lesson/<uuid:session_uuid>/", changes.lesson, name="provider-lesson"),
    path("lesson/<uuid:session_uuid>/move/", changes.move, name="provider-lesson-move"),
    path("lesson/<uuid:session_uuid>/cancel/", changes.cancel, name="provider-lesson-cancel"),
    path("lesson/<uuid:session_uuid>/reinstate/", changes.reinstate, name="provider-lesson-reinstate"),
    path("lesson/<uuid:session_uuid>/substitute/", changes.substitute, name="provider-lesson-substitute"),
    path("marks/<uuid:session_uuid>/<uuid:place_uuid>/", groups.mark, name="provider-mark"),
    path("month/", month.month, name="provider-month"),
    path("month/free-days/", month.free_days, name="provider-free-days"),
    path("groups/<uuid:group_uuid>/month/", groups.month, name="provider-group"),
    path("objections/", groups.objections, name="provider-objections"),
    path("sheets/", sheets.sheets, name="provider-sheets"),
    path("sheets/send/", sheets.send, name="provider-send"),
    path("sheets/<uuid:sheet_uuid>/", sheets.sheet, name="provider-sheet"),
    path("pay/", pay.pay, name="provider-pay"),
    path("pay/statement.pdf", pay.statement, name="provider-statement"),
    path("acts/<uuid:act_uuid>/", pay.act, name="provider-act"),
    path("acts/<uuid:act_uuid>/act.pdf", pay.act_file, {"form": "pdf"}, name="provider-act-pdf"),
    path("acts/<uuid:act_uuid>/act.json", pay.act_file, {"form": "json"}, name="provider-act-json"),
    path("acts/<uuid:act_uuid>/sign/", pay.sign, name="provider-act-sign"),
    path("acts/<uuid:act_uuid>/refuse/", pay.refuse, name="provider-act-refuse"),
    path("acts/<uuid:act_uuid>/invoice/", pay.invoice, name="provider-act-invoice"),
    path("worker.js", lessons.worker, name="provider-worker"),
]
