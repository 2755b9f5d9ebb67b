"""All targets by name."""

from __future__ import annotations

from tests.fuzz import messages, papers, words

TARGETS = {one.name: one for one in (*words.TARGETS, *messages.TARGETS, *papers.TARGETS)}
