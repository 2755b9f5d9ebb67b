"""Formats of pages in Kazakh."""
