"""Publish: the same bytes each time, checked by the public's verifiers; what is seen of a round, and by whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qosymsha.domain.admission import queries
from qosymsha.domain.admission.models import Application, RoundHistory
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.allocation import canonical, draw, merkle
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.people.states import Role
from qosymsha.kernel.errors import Forbidden
from tests.factories.admission import (
    AFTER,
    City,
    money_for,
)
from tests.factories.readings import readings
from tests.factories.refusals import refusal
from tests.factories.round_stages import closed, expected_order, publish, tamper

pytestmark = pytest.mark.django_db
R = AdmissionRefusal
VERIFY = Path(__file__).resolve().parents[2] / "verify"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_run_made_again_gives_the_same_bytes(tmp_path: Path) -> None:
    city, the_round = closed(families=40, places=15)
    city.draw(the_round)
    city.allocate(the_round)
    assert publish(city, the_round, tmp_path / "one").state == "published"
    publish(city, the_round, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two") != {}
    assert RoundHistory.objects.filter(to_state="published").count() == 1


def test_the_files_name_the_published_root_and_hold_neither_tickets_nor_people(tmp_path: Path) -> None:
    city, the_round = closed(families=40, places=15)
    city.draw(the_round)
    city.allocate(the_round)
    publish(city, the_round, tmp_path)
    files = bytes_of(tmp_path)
    leaves = [canonical.terms_leaf(files["terms.json"].decode())]
    for row in files["closed.tsv"].decode().splitlines():
        salt, _, line = row.partition("\t")
        leaves.append(canonical.leaf(bytes.fromhex(salt), line) if line else bytes.fromhex(salt))
    the_round.refresh_from_db()
    assert merkle.root(b"".join(leaves)) == bytes(the_round.root or b"")
    everything = b"".join(files.values())
    for row in Application.objects.all():
        ticket = draw.parse_ticket(queries.receipt(actor=city.channel, application_id=row.id, at=AFTER).ticket)
        assert ticket.hex().encode() not in everything
        assert row.number.encode() not in everything
        assert bytes(row.line_id).hex().encode() in everything


def verified(folder: Path, root: str) -> list[int]:
    """Exit statuses of the public's own verifiers, which share no code with us."""
    return [
        subprocess.run([sys.executable, VERIFY / name, folder, *arguments], capture_output=True, check=False).returncode
        for name, arguments in (("draw.py", [root]), ("grant.py", []))
    ]


def test_the_publics_verifiers_accept_the_files_and_find_a_change(tmp_path: Path) -> None:
    city = City(money={"sport": money_for(25)})
    the_round = city.opened()
    city.file(the_round, [*city.families(30, categories=["orphan"]), *city.families(30)])
    root = city.close(the_round).root
    city.draw(the_round)
    city.allocate(the_round)
    publish(city, the_round, tmp_path)
    assert verified(tmp_path, root) == [0, 0]
    results = (tmp_path / "results.tsv").read_text()
    (tmp_path / "results.tsv").write_text(results.replace("waiting", "open", 1))
    assert 0 not in verified(tmp_path, root)


def test_an_answer_that_comes_out_otherwise_is_not_published(tmp_path: Path) -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    tamper("UPDATE admission_round SET seed = sha256('another')")
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.OUTPUT_DIFFERS
    assert not list(tmp_path.iterdir())


def test_after_a_familys_erasure_the_files_are_kept_not_made_again(tmp_path: Path) -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    tamper("DELETE FROM person_secret WHERE subject_kind = 'application'")
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.TICKETS_ERASED


def test_only_an_allocated_round_is_published(tmp_path: Path) -> None:
    city, the_round = closed()
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.ROUND_IN_OTHER_STATE


def test_the_public_summary_counts_and_merges_small_classes() -> None:
    city = City(money={"sport": money_for(20)})
    the_round = city.opened()
    city.file(
        the_round,
        [*city.families(12, categories=["orphan"]), *city.families(4, categories=["sen"]), *city.families(20)],
    )
    city.run(the_round)
    told = queries.round_summary(the_round.number.lower())
    sport = next(segment for segment in told.segments if segment.segment == "sport")
    assert (sport.places, sport.applications, sport.granted, sport.waiting) == (20, 36, 20, 16)
    assert "sen" not in told.granted_by_category
    assert "orphan" not in told.granted_by_category
    assert sum(told.granted_by_category.values()) == 20
    assert len(told.root) == len(told.seed) == 64
    assert refusal(lambda: queries.round_summary("R-000000-X")) is R.UNKNOWN_ROUND


def test_an_explanation_says_where_and_why_and_the_read_is_recorded() -> None:
    city = City(money={"sport": money_for(2)})
    the_round = city.opened()
    city.file(the_round, [*city.families(3, categories=["orphan"]), *city.families(2)])
    city.run(the_round)
    order = expected_order(city, the_round)
    told = queries.explain(actor=city.officer, application_id=order[3], at=AFTER)
    assert (told.state, told.rank, told.position, told.granted_before, told.waiting_before) == ("waiting", 4, 2, 2, 1)
    assert (told.category, told.coefficient, told.iteration, told.turn) == ("", None, None, None)
    assert (told.places, told.last_rank, [c.applications for c in told.before]) == (2, 2, [3])
    assert [move.to_state for move in told.moves] == ["submitted", "checked", "ranked", "waiting"]
    (read,) = readings("read_application")
    assert read.detail["read"] == {"read_application": {"application": [order[3]]}}
    assert read.subject_ids == [Application.objects.get(pk=order[3]).child_id]


def test_a_category_is_told_only_to_who_asks_and_may_and_that_read_is_recorded_too() -> None:
    city = City(money={"sport": money_for(2)})
    the_round = city.opened()
    city.file(the_round, [*city.families(3, categories=["orphan"]), *city.families(2)])
    city.run(the_round)
    first = expected_order(city, the_round)[0]
    with pytest.raises(Forbidden):
        queries.explain(actor=city.actor(Role.PROGRAMME_OFFICER), application_id=first, at=AFTER, with_category=True)
    told = queries.explain(actor=city.actor(Role.CHECKER), application_id=first, at=AFTER, with_category=True)
    assert told.category == "orphan"
    assert told.coefficient
    assert (told.iteration, told.turn) == (1, 1)
    assert told.evidence is not None
    assert told.evidence.source
    assert len(readings("read_application_category")) == 1


def test_a_stranger_reads_neither_receipt_nor_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    the_round = city.opened()
    (outcome,) = city.file(the_round, city.families(1))
    assert outcome.id is not None
    stranger = city.actor(*(set(Role) - {Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}))
    with pytest.raises(Forbidden):
        queries.explain(actor=stranger, application_id=outcome.id, at=AFTER)
    with pytest.raises(Forbidden):
        queries.receipt(actor=city.officer, application_id=outcome.id, at=AFTER)
    assert refusal(lambda: queries.explain(actor=city.officer, application_id=0, at=AFTER)) is R.UNKNOWN_APPLICATION
    assert queries.explain(actor=city.officer, application_id=outcome.id, at=AFTER).state == "submitted"
    assert ChildStatus.objects.count() == 0
