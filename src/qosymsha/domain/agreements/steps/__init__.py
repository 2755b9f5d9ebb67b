"""What verbs of this room do inside an open transaction."""

from qosymsha.domain.agreements.steps.deeds import speaks_for, told, trail
from qosymsha.domain.agreements.steps.papers import PAPER, REFUSAL, WORD, forget_words, keep_secret

__all__ = ["PAPER", "REFUSAL", "WORD", "forget_words", "keep_secret", "speaks_for", "told", "trail"]
