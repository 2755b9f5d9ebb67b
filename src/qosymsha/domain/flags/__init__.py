"""Red flags: what in a month of attendance looks wrong, explained, and resolved by a person with a trace.

Owns flags, their resolutions and the runs that raised them. A flagged day is not payable until it is resolved: the day
itself is held by `attendance`; this room says why.
"""
