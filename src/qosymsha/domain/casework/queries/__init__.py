"""Reads of casework: consultation points; who holds which row; vouchers' endings."""

from qosymsha.domain.casework.queries.points import Point, points

__all__ = ["Point", "points"]
