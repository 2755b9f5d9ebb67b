"""The one rule for finding a browser: the setting QOSYMSHA_BROWSER, then the PATH.

Standard library only: `make setup` runs it before anything is installed.
"""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
STUCK = "the browser is stuck"  # a journey that fails with these words is played again (`tests/conftest.py`)


def find_browser() -> Path | None:
    """Return the browser's program, or None; a setting that names no program is no browser."""
    chosen = os.environ.get("QOSYMSHA_BROWSER")
    for name in (chosen,) if chosen else NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return None


if __name__ == "__main__":
    browser = find_browser()
    print(browser or "no browser")
    sys.exit(0 if browser else 1)
