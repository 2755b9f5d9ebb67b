"""Witness: who read a child's record, and the marks outside the database by which a changed past is seen.

Promises: one request leaves at most one row, naming every child it read, written before the answer leaves; a checkpoint
is signed only while everything signed before is still a prefix of the chain.
"""
