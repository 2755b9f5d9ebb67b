"""Settlement: claims by a dated pay rule, approvals by two people, payment files, the treasury's replies, the month's close.

Promises: only confirmed lessons are paid; a claim is in at most one accepted file; each tenge has its formula and cause.
"""
