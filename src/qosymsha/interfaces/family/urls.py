"""The family door's addresses, below `/{language}/family/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.family import absences, applications, here, months, views, vouchers

urlpatterns = [
    path("", views.home, name="family-home"),
    path("here/", here.here, name="family-here"),
    path("here/done/", here.done, name="family-here-done"),
    path("here/offline/", here.offline, name="family-here-offline"),
    path("worker.js", here.worker, name="family-worker"),
    path("months/", months.months, name="family-months"),
    path("months/<uuid:row_uuid>/", months.month, name="family-month"),
    path("absences/", absences.absences, name="family-absences"),
    path("absences/<uuid:case_uuid>/", absences.case, name="family-case"),
    path("vouchers/", vouchers.vouchers, name="family-vouchers"),
    path("vouchers/<uuid:voucher_uuid>/accept/", vouchers.accept, name="family-voucher-accept"),
    path("vouchers/<uuid:voucher_uuid>/refuse/", vouchers.refuse, name="family-voucher-refuse"),
    path("applications/", applications.applications, name="family-applications"),
    path("applications/<uuid:application_uuid>/", applications.application, name="family-application"),
    path("applications/<uuid:application_uuid>/receipt/", applications.receipt, name="family-receipt"),
    path("applications/<uuid:application_uuid>/receipt.pdf", applications.receipt_paper, name="family-receipt-pdf"),
    path("applications/<uuid:application_uuid>/receipt.json", applications.receipt_file, name="family-receipt-json"),
    path("choices/<uuid:list_uuid>/", applications.wishes, name="family-wishes"),
]
