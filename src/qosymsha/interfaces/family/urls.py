"""The family door's addresses, below `/{language}/family/`."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.family import (
    absences,
    applications,
    apply,
    children,
    here,
    leaving,
    money,
    months,
    places,
    readers,
    views,
    vouchers,
    week,
    wishes,
)

urlpatterns = [
    path("", views.home, name="family-home"),
    path("children/", children.children, name="family-children"),
    path("children/<uuid:child_uuid>/readers/", readers.readers, name="family-readers"),
    path("here/", here.here, name="family-here"),
    path("here/done/", here.done, name="family-here-done"),
    path("here/offline/", here.offline, name="family-here-offline"),
    path("worker.js", here.worker, name="family-worker"),
    path("week/", week.week, name="family-week"),
    path("wishes/", wishes.wishes, name="family-wishes-now"),
    path("wishes/add/<uuid:group_uuid>/", wishes.add, name="family-wishes-add"),
    path("wishes/<uuid:round_uuid>/<uuid:voucher_uuid>/", wishes.change, name="family-wishes-change"),
    path("money/", money.money, name="family-money"),
    path("months/", months.months, name="family-months"),
    path("months/<uuid:row_uuid>/", months.month, name="family-month"),
    path("absences/", absences.absences, name="family-absences"),
    path("absences/<uuid:case_uuid>/", absences.case, name="family-case"),
    path("vouchers/", vouchers.vouchers, name="family-vouchers"),
    path("vouchers/<uuid:voucher_uuid>/accept/", vouchers.accept, name="family-voucher-accept"),
    path("vouchers/<uuid:voucher_uuid>/refuse/", vouchers.refuse, name="family-voucher-refuse"),
    path("apply/", apply.rounds, name="family-apply-rounds"),
    path("apply/<uuid:round_uuid>/", apply.apply, name="family-apply"),
    path("groups/<uuid:group_uuid>/take/", places.take, name="family-take"),
    path("groups/<uuid:group_uuid>/move/", leaving.move, name="family-move"),
    path("vouchers/<uuid:voucher_uuid>/leave/", leaving.leave, name="family-leave"),
    path("vouchers/<uuid:voucher_uuid>/stay/", leaving.stay, name="family-stay"),
    path("applications/", applications.applications, name="family-applications"),
    path("applications/<uuid:application_uuid>/", applications.application, name="family-application"),
    path("applications/<uuid:application_uuid>/receipt/", applications.receipt, name="family-receipt"),
    path("applications/<uuid:application_uuid>/receipt.pdf", applications.receipt_paper, name="family-receipt-pdf"),
    path("applications/<uuid:application_uuid>/receipt.json", applications.receipt_file, name="family-receipt-json"),
    path("choices/<uuid:list_uuid>/", applications.wishes, name="family-wishes"),
]
