"""Attendance: sessions from timetables, marks, check-ins by the rotating code, month sheets and words, absences.

Promises: one mark and one check-in per child and session; a sheet is unique per provider, group and month; silence
never confirms; a held day is not payable; no place is released for absence before the family was heard.
"""
