"""Casework: consultation points, rows taken or given by name, vouchers ended by two officials after a hearing.

It promises that a row has one holder at most, that nobody's right outlives its days in a row held, and that no voucher
is taken from a child by one person alone. Appeals, feedback and appointments come later.
"""
