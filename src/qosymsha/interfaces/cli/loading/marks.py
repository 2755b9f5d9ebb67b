"""The roster of a month kept elsewhere, loaded from the command line."""

from __future__ import annotations

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.loading.context import City, advice_of, new_key
from qosymsha.interfaces.files.outside import Bringing, MarkLoader


def mark_loader(city: City, *, may_create: bool) -> MarkLoader:
    """Marks into the city. With `may_create` the file's own codes stand for whom the city does not know."""
    where = Bringing(
        city.place.territory_id,
        city.place.programme_id,
        city.districts,
        lambda: city.staff.actor(Role.PROGRAMME_OFFICER),
        city.staff.at,
        new_key,
        advice_of,
        takes_unknown=may_create,
    )
    return MarkLoader(where)
