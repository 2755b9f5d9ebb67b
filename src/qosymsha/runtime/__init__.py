"""The floor under the house: an embedded PostgreSQL and a supervisor of processes; knows nothing of the domain.

Promises: the server is private to one clone, never runs with unsafe settings outside tests, is stopped when its last
user leaves (also when that user was killed), and is never pulled away from a process that still uses it.
Needs Linux: processes are told apart by `/proc`.
"""
