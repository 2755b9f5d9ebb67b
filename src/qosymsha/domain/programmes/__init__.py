"""Programmes and their dated rule sets, budget lines, classifiers and the working-day calendar.

Promises: one approved rule set is in force per programme and day; it never changes once approved; its hash names it;
none of those who wrote it approves it.
"""
