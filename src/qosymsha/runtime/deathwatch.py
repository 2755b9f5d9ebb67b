"""Ends process groups when the one who named them dies, however it died.

Reads group numbers from its input, one a line; one with a minus has ended and is forgotten. The end of the input means
that the writer is dead.
"""

import signal
import sys

from qosymsha.runtime.processes import end_groups


def main(grace_seconds: str) -> None:
    """Wait for the writer's death, then end the groups it named."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever signals everybody still wants the groups ended
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        groups.add(group) if group > 0 else groups.discard(-group)
    end_groups(groups, float(grace_seconds))


if __name__ == "__main__":
    main(sys.argv[1])
