"""The rooms. A room knows those below it, never those above (DESIGN.md 1; the order is a test)."""
