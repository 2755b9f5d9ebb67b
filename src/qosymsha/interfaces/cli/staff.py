"""`qosymsha staff …`: who may do what here. The first verb of a production installation, by whoever holds its shell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import click
from django.conf import settings
from django.db import connection

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.commands.officials import Appointment
from qosymsha.domain.people.commands.places import ASTANA
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.cli.installation import load
from qosymsha.interfaces.cli.out import emit, json_option, table
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.kernel import clock, iin
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput

_HERE = frozenset(Role) - FAMILY - {Role.SYSTEM}
_AT_PROVIDER = frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})
_LIST = """
SELECT m.id, u.subject, m.role, coalesce(t.kato, ''), m.provider_id, lower(m.valid), upper(m.valid)
  FROM membership m JOIN app_user u ON u.id = m.user_id LEFT JOIN territory t ON t.id = m.territory_id
 WHERE u.is_active AND (%s OR m.valid @> %s::date) ORDER BY m.role, u.subject, m.id"""


@click.group(name="staff")
def command() -> None:
    """Who may do what here: the installation's classifiers, then people by role, with first and last days.

    A new production installation: `staff found`, `staff appoint programme_officer --subject … `, `staff appoint
    rule_approver --subject …` (somebody else), then `qosymsha rules draft` and `rules approve` by these two.
    """


@command.command()
@json_option
def found(as_json: bool) -> None:
    """Load territories, departments, directions, holidays and consultation points; safe to run again.

    \b
    Example:
      qosymsha staff found
    """
    with database():
        load(clock.read())
    emit({"founded": True}, as_json=as_json, text=lambda: ["Classifiers and departments are in place."])


@command.command()
@click.argument("role", type=click.Choice(sorted(role.value for role in _HERE)))
@click.option("--subject", required=True, help="What the identity provider calls the person (its `sub`).")
@click.option("--kato", default=ASTANA, show_default=True, help="The territory; `all` for none in particular.")
@click.option("--provider", "number", default="", help="BIN or number of the provider, for teachers and managers.")
@click.option("--iin", "asks_iin", is_flag=True, help="Ask for the person's IIN, so that the first sign-in finds them.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day; today unless told.")
@click.option("--until", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day; open unless told.")
@json_option
def appoint(  # noqa: PLR0913 (a verb's options)
    role: str,
    subject: str,
    kato: str,
    number: str,
    asks_iin: bool,
    first: datetime | None,
    last: datetime | None,
    as_json: bool,
) -> None:
    """Give somebody a role. Said again it changes nothing.

    \b
    Examples:
      qosymsha staff appoint programme_officer --subject aigul@city
      qosymsha staff appoint teacher --subject daulet --provider 150140000005 --iin --until 2027-06-30
    """
    number_of_person = _asked_iin() if asks_iin else None
    with database():
        at = clock.read()
        provider_id = _provider(number) if role in _AT_PROVIDER else None
        begins = first.date() if first else local_day(at)
        draft = Appointment(
            subject,
            role,
            territory_id=None if provider_id or kato == "all" else _territory(kato, local_day(at)),
            provider_id=provider_id,
            first=begins,
            last=last.date() if last else None,
            iin=number_of_person,
        )
        key = key_of("staff", subject, role, kato, number, begins, last)
        commands.appoint(actor=HAND, appointment=draft, at=at, key=key)
    text = f"{subject} is {role} from {begins}" + (f" until {last.date()}" if last else "")
    emit({"subject": subject, "role": role, "from": begins.isoformat()}, as_json=as_json, text=lambda: [text])


@command.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Ended and coming rights too.")
@json_option
def list_(is_all: bool, as_json: bool) -> None:
    """Everybody's rights: number, who, role, territory, provider, days.

    \b
    Example:
      qosymsha staff list --all
    """
    with database():
        found = _rights(is_all, local_day(clock.read()))
    columns = ["number", "subject", "role", "territory", "provider", "from", "until"]
    result = {"rights": [dict(zip(columns, row, strict=True)) for row in found]}
    emit(result, as_json=as_json, text=lambda: table("Rights", columns, found))


@command.command()
@click.argument("number", type=int)
@json_option
def dismiss(number: int, as_json: bool) -> None:
    """End a right (its number is in `staff list`); the next request of the person is without it.

    \b
    Example:
      qosymsha staff dismiss 12
    """
    with database():
        commands.dismiss(actor=HAND, membership_id=number, at=clock.read(), key=key_of("dismiss", number))
    emit({"ended": number}, as_json=as_json, text=lambda: [f"Right {number} has ended."])


def _asked_iin() -> str:
    """Typed unseen: an IIN never stands in a command line, which others of the machine can read."""
    typed = click.prompt("IIN", hide_input=True)
    try:
        return iin.person(typed, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    except iin.NumberError as error:
        raise BadInput("IIN", f"{error.fault.value}: type its twelve digits") from None


def _territory(kato: str, on: date) -> int:
    found = queries.territory_by_kato(kato, on)
    if found is None:
        raise BadInput(
            "--kato", f"no territory has the code {kato}; run `qosymsha staff found` first, or give its code"
        )
    return found


def _provider(number: str) -> int:
    found = providers.providers_by_number([number]).get(number)
    if found is None:
        raise BadInput("--provider", f"no provider has the number “{number}”; give its BIN")
    return found


def _rights(is_all: bool, today: date) -> Sequence[Sequence[object]]:
    with connection.cursor() as cursor:
        cursor.execute(_LIST, [is_all, today])
        return [[*row[:5], str(row[5] or ""), str(row[6] or "")] for row in cursor.fetchall()]
