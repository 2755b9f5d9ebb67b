"""A published round on this server, and families' tickets in it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.models import Application, Outcome, Round
from qosymsha.interfaces.files import published
from tests.factories import admission

FAMILIES, ORPHANS, PUPILS, PLACES = 60, 4, 7, 25


@dataclass(frozen=True)
class Story:
    """A round with its city. Orphans and pupils with needs are classes too small to be shown."""

    city: admission.City
    round: Round

    @property
    def uuid(self) -> UUID:
        """The round's name in addresses."""
        return self.round.uuid

    def receipt(self, application: Application) -> queries.Receipt:
        """What a family holds."""
        return queries.receipt(actor=self.city.channel, application_id=application.id, at=admission.AFTER)

    def one(self, **wanted: object) -> Application:
        """The first application like this, in the order of line ids."""
        return Application.objects.filter(round=self.round, **wanted).order_by("line_id").first()  # type: ignore[misc, return-value]

    def applications(self) -> list[Application]:
        """Every application of the round."""
        return list(Application.objects.filter(round=self.round).order_by("line_id"))

    def outcome(self, application: Application) -> Outcome:
        """Where it stands."""
        return Outcome.objects.get(application=application)


def closed(families: int = FAMILIES, kato: str = "710000000") -> Story:
    """Closed, not drawn: sport for most, eleven of them in two small classes; a segment too small to be shown."""
    money = {"sport": admission.money_for(PLACES), "creative": admission.money_for(3, "creative")}
    city = admission.City(money=money, kato=kato)
    the_round = city.opened()
    city.file(the_round, city.families(families) + city.families(ORPHANS, categories=["orphan"]))
    city.file(the_round, city.families(PUPILS, categories=["sen"]) + city.families(20, categories=["large-family"]))
    city.file(the_round, city.families(3), kind="creative")
    city.close(the_round)
    the_round.refresh_from_db()
    return Story(city, the_round)


def allocated(families: int = FAMILIES, kato: str = "710000000") -> Story:
    """Drawn and allocated, not published."""
    story = closed(families, kato)
    story.city.draw(story.round)
    story.city.allocate(story.round)
    story.round.refresh_from_db()
    return story


def publish(story: Story) -> Story:
    """Published where this server's pages look: `settings.PUBLISHED`."""
    with published.replacing(published.folder_of(story.uuid)) as beside:
        commands.publish_round(
            actor=story.city.officer, round_id=story.round.id, folder=beside, at=admission.AFTER, key=uuid4()
        )
    story.round.refresh_from_db()
    return story
