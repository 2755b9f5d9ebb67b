"""Insights: the checker of invariants and reports. Reads everything, owns only its own result tables."""
