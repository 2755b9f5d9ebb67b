"""Schemathesis over the whole document, for the night: `python -m tests.security.by_document`.

Ends as pytest does, and with 3 where schemathesis is not installed.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest


def main() -> int:
    """Play `test_schemathesis.py`, or say what is missing."""
    if find_spec("schemathesis") is None:
        print("schemathesis is not installed: pip install --require-hashes -r requirements/night.lock")
        return 3
    return int(pytest.main(["-p", "no:cacheprovider", "-q", "tests/security/test_schemathesis.py"]))


if __name__ == "__main__":
    sys.exit(main())
