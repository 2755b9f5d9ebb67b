"""What a call was refused for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qosymsha.kernel.errors import Refused


def refusal(call: Callable[[], object]) -> Any:
    """The reason for which `call` is refused; a test that is not refused fails."""
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason
