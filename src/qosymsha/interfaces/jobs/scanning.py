"""The clock sends waiting papers to the scanner; no page ever waits for it."""

from __future__ import annotations

import logging
from datetime import datetime
from time import perf_counter

from qosymsha.domain.documents import commands
from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.ports import TEST_FILE, NotScanned, ScanHitch, Scanner
from qosymsha.domain.documents.states import Scan
from qosymsha.interfaces.jobs.duties import ACTOR
from qosymsha.kernel import clock
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured

SECONDS = 45  # of scans in one call; the schedule calls again each minute
MOST = 2_000
FAULTS = 3  # in a row, and the scanner is left alone until the next minute
_log = logging.getLogger(__name__)


def scan_papers(at: datetime) -> None:
    """Have the scanner look at papers that wait, the earliest first. Needs no key: a paper is scanned once.

    A scanner that is down is told of and asked again in a minute; meanwhile papers wait, and whoever files goes on.
    """
    if not documents.is_scanning():
        return
    try:
        scanner: Scanner = adapter("scanner")
        if not scanner.scan(TEST_FILE):
            _log.error("scan_papers: the scanner does not know the test file, so none of its words is taken")
            return
        _scan(scanner, documents.waiting_documents(MOST))
    except NotConfigured as missing:
        _log.error("scan_papers: %s", missing)
    except NotScanned as fault:
        _log.warning("scan_papers: the scanner gives no word: %s", fault)


def _scan(scanner: Scanner, waiting: list[int]) -> None:
    began, faults = perf_counter(), 0
    for document_id in waiting:
        if perf_counter() - began > SECONDS:
            return
        content = documents.content_to_scan(actor=ACTOR, document_id=document_id)
        if content is None:
            continue
        try:
            found = scanner.scan(content)
        except NotScanned as fault:
            if fault.fault is ScanHitch.UNREACHABLE:
                raise
            commands.count_try(actor=ACTOR, document_id=document_id)
            _log.warning("scan_papers: paper %s: %s", document_id, fault)
            faults += 1
            if faults == FAULTS:
                return
            continue
        faults = 0
        if commands.record_scan(actor=ACTOR, document_id=document_id, found=found, at=clock.read()) is Scan.SEALED:
            _log.error("scan_papers: paper %s is sealed off", document_id)
