"""`qosymsha doctor` on the scanner of papers: whether there is one, whether it knows harm when it sees it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.ports import TEST_FILE, NotScanned
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured

NAME, LATE = "scanner", timedelta(minutes=30)
_GUIDE = "docs/runbooks/scanner.md"


def scanner_line() -> tuple[str, bool, str, str]:
    """(name, whether it is right, what was found, what to do)."""
    if not documents.is_scanning():
        found = "none is set: uploaded papers are not looked through for harmful programs"
        return NAME, not settings.PRODUCTION, found, f"set QOSYMSHA_SCANNER and QOSYMSHA_CLAMD; {_GUIDE}"
    try:
        if not adapter("scanner").scan(TEST_FILE):
            found = "it does not know the test file: no signatures are loaded"
            return NAME, False, found, f"let freshclam run; {_GUIDE}"
    except NotConfigured as missing:
        return NAME, False, str(missing), f"put the settings right; {_GUIDE}"
    except NotScanned as fault:
        return NAME, False, f"no word of it: {fault}", f"start clamd, look at its log; {_GUIDE}"
    stands = documents.to_scan()
    told = f"{stands.n} papers wait, the oldest since {moment(stands.oldest)}" if stands.n else "all papers are scanned"
    told += f"; on {stands.stubborn} it gave no word three times" if stands.stubborn else ""
    is_late = stands.oldest is not None and clock.read() - stands.oldest > LATE
    return NAME, not is_late, told, f"let `qosymsha serve` or `qosymsha work` run; {_GUIDE}"
