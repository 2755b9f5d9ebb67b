"""Consultation points, rows held by name, vouchers' endings."""

from qosymsha.domain.casework.models.endings import VoucherEnding
from qosymsha.domain.casework.models.holds import RowHold
from qosymsha.domain.casework.models.points import ConsultationPoint

__all__ = ["ConsultationPoint", "RowHold", "VoucherEnding"]
