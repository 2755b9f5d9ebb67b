"""Formats of pages in Russian."""
