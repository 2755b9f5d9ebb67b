"""What PostgreSQL's complaints mean for the person at the terminal."""

from pathlib import Path

from qosymsha.runtime.errors import EnvironmentFault

_ADVICE = (
    ("No space left on device", "The disk is full: free some space, or set QOSYMSHA_STATE to a folder with space."),
    ("Permission denied", "The server's user may not reach it: set QOSYMSHA_STATE to a folder open to it."),
    ("Operation not permitted", "This account may not start programs as another user: run as an ordinary user."),
    ("could not look up effective user ID", "This user has no entry in /etc/passwd: run as a user that has one."),
    ("could not map anonymous shared memory", "There is too little memory: 400 MB must be free."),
    ("Cannot allocate memory", "There is too little memory: 400 MB must be free."),
    ("error while loading shared libraries", "The programs miss a library: install your system's postgresql package."),
    ("invalid locale name", "The locale C.UTF-8 is missing: install your system's C.UTF-8 locale."),
)
_QUOTED_LINES = 3


def fault_from(complaint: str, what: str, where: Path) -> EnvironmentFault:
    """Turn a program's complaint into a sentence: what failed, where, and what to do."""
    for sign, advice in _ADVICE:
        if sign in complaint:
            return EnvironmentFault(f"{what} ({where}). {advice}")
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = " | ".join(lines[-_QUOTED_LINES:]) or "nothing"
    return EnvironmentFault(f"{what} ({where}). PostgreSQL said: {said}")
