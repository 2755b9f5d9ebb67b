"""Figures: what the city sees of itself. Counts by night what dashboards, the open page and a group's page show.

Owns only its results, each with the instant it is of. A page reads them and counts nothing itself. Promise: no row says
anything about fewer than ten children by category or family, not even as a difference of what is said (rules.telling).
"""
