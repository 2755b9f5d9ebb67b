"""`qosymsha work`: the job worker and the clock's jobs, without pages."""

from __future__ import annotations

import click

from qosymsha.interfaces.cli.out import EXIT_DONE, emit, json_option
from qosymsha.interfaces.cli.serve import work_commands
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.cli.starting import refuse_unsafe
from qosymsha.runtime import supervisor
from qosymsha.runtime.errors import EnvironmentFault


@click.command(name="work")
@json_option
def command(as_json: bool) -> int:
    """Run the job worker until Ctrl-C: outbox, audit chain, expiries, month's reminders, the invariants' checker.

    `qosymsha serve` runs it too; run it by itself where pages and jobs are on different computers. Several workers
    on one database share the jobs; each job's effect happens once.

    \b
    Example:
      DATABASE_URL=postgresql://… qosymsha work
    """
    with database() as url:
        refuse_unsafe()
        commands = work_commands(url)
        if not commands:
            raise EnvironmentFault("This installation has no job worker (qosymsha.interfaces.jobs.worker).")
        emit({"working": True}, as_json=as_json, text=lambda: ["Working  (Ctrl-C ends)"])
        return supervisor.run(commands) or EXIT_DONE
