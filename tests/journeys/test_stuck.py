"""A browser that never answers is ended, and the journey says so; then it is played again (`tests/conftest.py`)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.browser import STUCK
from tests.journeys import eyes, stuck

pytestmark = pytest.mark.journey


def test_a_browser_that_never_answers_is_ended(browser_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eyes.browser(browser_path) as browser:
        (group,) = stuck.browsers()
        monkeypatch.setattr(stuck, "PATIENCE", 1.0)
        os.killpg(group, signal.SIGSTOP)
        with pytest.raises(stuck.Stuck, match=STUCK):
            browser.new_page()
    assert stuck.browsers() == []
