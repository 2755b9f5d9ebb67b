"""Synthetic people and the programme year: calls commands only, like any door; everything follows from one seed."""
