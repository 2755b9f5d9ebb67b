"""Providers: registration, accreditation with expiring evidence, contracts, venues, offerings, groups, timetables.

Promises: a group opens only under a contract and an accreditation of that day; papers that expire stop new places.
"""
