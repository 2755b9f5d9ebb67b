"""`qosymsha round explain` and `qosymsha choice explain`: why it stands where it stands, for an officer."""

from __future__ import annotations

from dataclasses import asdict

import click

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import as_option, emit, json_option
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.ui import reasons, texts
from qosymsha.kernel import clock

_language = click.option(
    "--lang", "language", type=click.Choice(texts.LANGUAGES), default="en", show_default=True, help="Its language."
)


@click.command("explain")
@click.argument("number", metavar="NUMBER")
@click.option(
    "--category", "with_category", is_flag=True, help="Tell the category and its evidence too (a checker may)."
)
@_language
@as_option
@json_option
def of_application(number: str, with_category: bool, language: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Why application NUMBER stands where it stands: its place, who was before it, what would have to happen.

    The read is recorded. The category is told only to a checker or an auditor who asks for it with --category.

    \b
    Examples:
      qosymsha round explain A-000017-3 --lang kk
      qosymsha round explain A-000017-3 --category --as checker:one
    """
    with database():
        at = clock.read()
        installation(at)
        actor = Staff(subjects, at).actor(Role.CHECKER if with_category else Role.PROGRAMME_OFFICER)
        found = admission.application_numbered(number)
        told = admission.explain(actor=actor, application_id=found, at=at, with_category=with_category)
    lines = reasons.of_application(told, language)
    emit({**asdict(told), "language": language, "sentences": lines}, as_json=as_json, text=lambda: lines)


@click.command("explain")
@click.argument("voucher", metavar="VOUCHER")
@_language
@as_option
@json_option
def of_list(voucher: str, language: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Why the child of VOUCHER has this group, and why not the wishes before it. The read is recorded.

    \b
    Example:
      qosymsha choice explain V-000042-7 --lang ru
    """
    with database():
        at = clock.read()
        installation(at)
        actor = Staff(subjects, at).actor(Role.PROGRAMME_OFFICER)
        told = choice.explain(actor=actor, list_id=choice.list_of_voucher(voucher), at=at)
    lines = reasons.of_list(told, language)
    emit({**asdict(told), "language": language, "sentences": lines}, as_json=as_json, text=lambda: lines)
