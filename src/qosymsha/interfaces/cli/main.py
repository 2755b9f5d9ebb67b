"""The command `qosymsha`: finds a verb's module only when it is called; each kind of failure has its exit status."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import click
import django

from qosymsha import __version__
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.errors import BadInput, Forbidden, NotConfigured, Refused
from qosymsha.runtime.errors import EnvironmentFault

EXIT_FINDING, EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_REFUSED = 1, 2, 3, 4

# verb → (module, what it does); the module is imported when the verb is called, so that `--help` starts at once.
VERBS = {
    "demo": ("demo", "Play a city's whole programme year on a database of its own, check it, serve it."),
    "serve": ("serve", "Serve the pages; starts the embedded database where none is set."),
    "work": ("work", "Run the job worker and the clock's jobs."),
    "migrate": ("migrate", "Bring the tables up to date while everybody works; or back."),
    "staff": ("staff", "Who may do what here: classifiers, people by role; a production's first verb."),
    "rules": ("rules", "A programme and its rules: found, draft, show, approve by a second person."),
    "import": ("imports", "Load rosters: providers, groups, guardians, applications (CSV or XLSX)."),
    "export": ("exports", "Write rosters and results as CSV or XLSX."),
    "round": ("round", "A round's life: open, close, draw, allocate, publish, show; or cancel."),
    "choice": ("choice", "A choice round's life, wishes for groups, freed places; or cancel."),
    "month": ("month", "Close a month: sheets, claims, the hash; draw it again."),
    "flags": ("flags", "Screen a month and tell the red flags, each with its reasons."),
    "guard": ("guard", "Children's records: honeytokens laid out, alarms they raise."),
    "retention": ("retention", "Persons whose time is over: who is due, who is held, when the nights ran; holds."),
    "points": ("points", "Devices of consultation points, on which many families may confirm."),
    "money": ("money", "Explain every tenge; follow a claim to the bank; what providers owe back."),
    "pay": ("pay", "Approve, release, make the payment file, read the treasury's replies."),
    "papers": ("papers", "Acts of services: draw, sign, print; e-invoices; a provider's statement."),
    "audit": ("audit", "Check the audit's chain beside its checkpoints; write it out for others."),
    "backup": ("backup", "Copies of the server and its log, in a folder; restore to any second; a drill."),
    "keys": ("keys", "The keys that seal people's data: what stands under which; seal all anew under a new one."),
    "doctor": ("doctor", "Check versions, settings, the server, migrations, invariants; say what to do."),
    "metrics": ("metrics", "Figures for Prometheus on a port of this machine: requests, jobs, promises, ledger."),
    "allocate": ("allocate", "Run the allocation engine on a file in the exchange format."),
    "verify": ("verify", "Check a published round from its folder alone."),
}


def _reads_of(verb: str) -> AbstractContextManager[None]:
    """The scope in which all that a verb reads about children is recorded under one id; known once Django is set up."""
    reading = importlib.import_module("qosymsha.domain.witness.reading")
    scope: AbstractContextManager[None] = reading.verb(request_id=os.urandom(8).hex(), door=f"qosymsha {verb}")
    return scope


class Verbs(click.Group):
    """The group of verbs, imported lazily."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of an operator's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's click command, or None for an unknown one."""
        if cmd_name not in VERBS:
            return None
        if cmd_name == "demo" or ctx.params.get("use_demo"):
            os.environ["QOSYMSHA_MODE"] = "demo"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
        django.setup()
        module = importlib.import_module(f"qosymsha.interfaces.cli.{VERBS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        ctx.with_resource(_reads_of(cmd_name))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs from the table above: no module is imported for it."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, what) for verb, (_, what) in VERBS.items()])


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 done · 1 a finding · 2 bad input or usage · 3 environment · 4 refused by a rule."
    " Every verb takes --json for machines. `qosymsha VERB --help` teaches with examples.",
)
@click.version_option(__version__, prog_name="qosymsha")
@click.option("--demo", "use_demo", is_flag=True, help="Work on the demo's database instead of the city's own.")
def qosymsha(use_demo: bool) -> None:
    """Public money as vouchers for children's clubs, in an order anyone can check."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    try:
        status = qosymsha.main(args=list(argv) if argv is not None else None, standalone_mode=False)
    except click.exceptions.Abort:
        status = _say("stopped: nothing half-done is left behind", 130)
    except (click.ClickException, BadInput, EnvironmentFault, NotConfigured, Refused, Forbidden) as error:
        status = _told(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _told(error: Exception) -> int:
    """Say a failure on stderr in one sentence; its kind is the exit status."""
    match error:
        case click.UsageError():
            error.show()
            return EXIT_BAD_INPUT
        case click.ClickException():
            return _say(error.format_message(), EXIT_BAD_INPUT)
        case BadInput():
            return _say(f"{error.field}: {error.advice}", EXIT_BAD_INPUT)
        case Refused():
            sentence = texts.refusals().get(error.reason.value, {}).get("en", "")
            return _say(f"refused: {sentence} [{error}]" if sentence else f"refused: {error}", EXIT_REFUSED)
        case Forbidden():
            return _say(f"not allowed: {error}", EXIT_REFUSED)
    return _say(str(error), EXIT_ENVIRONMENT)


def _say(sentence: str, status: int) -> int:
    click.echo(f"qosymsha: {sentence}", err=True)
    return status
