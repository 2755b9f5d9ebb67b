"""Intake: what a family prepares before filing and what an officer checks after it.

Owns drafts of applications, and categories that a family names with papers. Promises: a category named changes nothing
until an officer certifies it; who files without papers is asked nothing here; what was not checked by the round's close
does not count, and the family is told so. A refusal names its ground.
"""
