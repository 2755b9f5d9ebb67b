"""Settlement: claims by a dated pay rule, approvals by two people, payment files, the treasury's replies, closes.

Promises: only confirmed lessons are paid; a claim is in one accepted file at most; each tenge has formula and cause.
"""
