"""Attendance: sessions from timetables, marks, month sheets and the guardian's confirmation.

Promises: one mark per child and session; a sheet is unique per provider, group and month; silence never confirms.
"""
