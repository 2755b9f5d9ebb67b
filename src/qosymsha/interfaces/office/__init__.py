"""The office door: officials' pages."""
