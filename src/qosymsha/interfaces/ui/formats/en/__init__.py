"""Formats of pages in English."""
