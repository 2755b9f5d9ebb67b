"""Coverage-guided fuzzing of every reader of strangers' bytes. Decision 0060; `python -m tests.fuzz`, `make night`."""
