"""Vouchers (a child's entitlement), seats and enrolments: issue, accept, enrol, transfer, release, close.

Promises: one live voucher per child, programme and slot; no seat sold twice; money and place move in one transaction.
"""
