"""Idempotency keys of jobs: made from what the job is about, so that run twice it has its effect once."""

from __future__ import annotations

from uuid import UUID, uuid5

_JOBS = UUID("9d2b7c41-53f0-4f3e-8a76-2f0f6d9b1c55")


def key_of(*parts: object) -> UUID:
    """The key of a job's name and its subject and day (or hour, or minute)."""
    return uuid5(_JOBS, "\0".join(map(str, parts)))
