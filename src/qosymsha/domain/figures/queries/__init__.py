"""Reads of figures: `stored` is what pages ask; the other modules count, by night, for the room's own commands."""
