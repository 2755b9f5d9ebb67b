"""Adapters of one outside system."""
