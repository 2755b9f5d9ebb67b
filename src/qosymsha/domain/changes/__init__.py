"""Changes of running groups: another timetable from a day on, more or fewer places, the group's end and its children's.

Owns no table: each change is one transaction over the rows of `providers`, `vouchers` and `attendance`, by their steps.
Promises: lessons before the day stay as they are; no group has fewer places than are taken; nobody teaches in two
places and no hall is too full; who loses a place to a group's end gets the voucher back with its money.
"""
