"""Which faults are an outage of what we stand on, not a mistake of ours: they pass, and visitors are told (503)."""

from __future__ import annotations

import errno

from django.db import InternalError, OperationalError
from django.db.utils import InterfaceError
from psycopg.errors import ReadOnlySqlTransaction

RETRY_SECONDS = 5
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def is_outage(error: BaseException | None) -> bool:
    """Whether the database is gone, full, changing its leader or held up, or a disk cannot be written."""
    while error is not None:
        if isinstance(error, OperationalError | InterfaceError | ReadOnlySqlTransaction):
            return True
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ if isinstance(error, InternalError) else None
    return False
