"""Providers: registration, accreditation with expiring evidence, contracts, venues, offerings, groups, timetables.

Promises: a group exists only under a contract and an accreditation valid on that day; papers that expire stop new places.
"""
