"""Admission: rounds, applications, the draw, allocation runs, the waiting list.

Promises: filing first or last is equal; a closed list never changes; one draw per round, from a seed nobody controls;
one live application per child and programme.
"""
