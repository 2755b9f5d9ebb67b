"""Rounds in public: each step of a life, nothing of small classes, files served by name only, the root for ever."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.allocation import merkle, parts
from qosymsha.interfaces.files import published
from qosymsha.interfaces.public.rounds import round_page
from qosymsha.interfaces.ui import texts
from tests.factories import rounds

pytestmark = pytest.mark.django_db
YEAR = 365 * 24 * 3600


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.PUBLISHED = str(tmp_path / "published")
    return tmp_path / "published"


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def fetched(client: Client, address: str) -> bytes:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.getvalue()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_an_empty_installation_has_a_list_of_rounds(client: Client, language: str) -> None:
    assert texts.say(language, "rounds.none") in text(client, f"/{language}/rounds/")


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_round_grows_step_by_step_and_tells_nothing_early(client: Client, language: str) -> None:
    story = rounds.closed()
    address = f"/{language}/rounds/{story.uuid}/"
    later = texts.say(language, "life.later")
    shown = text(client, address)
    assert bytes(story.round.root or b"").hex() in shown
    assert shown.count(later) == 3, "draw, allocation and publication are to come"
    story.city.draw(story.round)
    story.city.allocate(story.round)
    shown = text(client, address)
    assert shown.count(later) == 1
    assert 'id="results"' not in shown, "results are told when they are published"
    assert texts.say(language, "check.later") in text(client, address + "check/")
    shown = text(client, address) if rounds.publish(story) else ""
    story.round.refresh_from_db()
    for told in (story.round.root, story.round.seed, story.round.output_hash, story.round.beacon_value):
        assert bytes(told or b"").hex() in shown
    assert later not in shown
    assert 'id="results"' in shown
    assert all(f"/files/{name}?" in shown for name in published.NAMES)


def test_a_cancelled_round_says_why_and_promises_nothing(client: Client) -> None:
    story = rounds.closed()
    commands.cancel_round(
        actor=story.city.officer,
        round_id=story.round.id,
        reason="a secret is lost",
        at=rounds.admission.AFTER,
        key=uuid4(),
    )
    shown = text(client, f"/en/rounds/{story.uuid}/")
    assert "a secret is lost" in shown
    assert shown.count(texts.say("en", "life.never")) == 3
    assert texts.say("en", "files.never") in shown
    assert texts.say("en", "life.later") not in shown


def test_results_show_exactly_the_classes_that_the_files_show() -> None:
    story = rounds.publish(rounds.allocated())
    page = round_page(story.uuid, "en")
    closed = (published.folder_of(story.uuid) / "closed.tsv").read_text().splitlines()
    shown = [row.split("\t") for row in closed if "\t" in row]
    tiers = {(row[2], row[3]) for row in shown}
    sport, educational = page.segments
    assert len(sport.rows) == len(tiers) + 1
    assert sum(row.applications for row in sport.rows if row.name) == len(shown)
    small = sport.rows[-1]
    assert (small.name, small.applications) == ("", rounds.ORPHANS + rounds.PUPILS)
    assert sport.result.applications == 91
    assert sport.result.granted == sum(row.granted for row in sport.rows) == rounds.PLACES
    assert (educational.result.applications, educational.rows) == (0, ())
    assert page.hidden == (texts.say("en", "kind.creative"), 3, None)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_small_class_is_never_named(client: Client, language: str) -> None:
    story = rounds.publish(rounds.allocated())
    shown = text(client, f"/{language}/rounds/{story.uuid}/")
    assert {"kk": "Жетім", "ru": "Сирота", "en": "Orphan"}[language] not in shown
    assert texts.say(language, "round.merged") in shown


def test_the_number_of_statements_does_not_grow(client: Client) -> None:
    counts = []
    for families, kato in ((30, "710000000"), (60, "750000000")):
        story = rounds.publish(rounds.allocated(families, kato))
        for address in ("/en/rounds/", f"/en/rounds/{story.uuid}/", f"/en/rounds/{story.uuid}/check/"):
            client.get(address)
            with CaptureQueriesContext(connection) as asked:
                text(client, address)
            counts.append(len(asked))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 4


def test_looking_changes_nothing(client: Client) -> None:
    story = rounds.publish(rounds.allocated())
    at = f"/en/rounds/{story.uuid}/"
    addresses = ["/en/rounds/", at, at + "check/", at + "root.txt", at + "files/terms.json", at + "parts/0.tsv"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)
    assert [client.post(address).status_code for address in addresses] == [405] * len(addresses)


# --- files


def test_a_stranger_fetches_the_files_and_checks_the_round(client: Client, tmp_path: Path) -> None:
    story = rounds.publish(rounds.allocated())
    for name in published.NAMES:
        (tmp_path / name).write_bytes(fetched(client, f"/kk/rounds/{story.uuid}/files/{name}"))
    root = bytes(story.round.root or b"").hex()
    for program, *more in (("draw.py", root), ("grant.py",)):
        command = [sys.executable, "-I", str(tmp_path / program), str(tmp_path), *more]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout[:2]) == (0, "OK")


def test_a_file_is_saved_never_shown_never_guessed_and_kept_for_ever(client: Client) -> None:
    story = rounds.publish(rounds.allocated())
    for name in published.NAMES:
        answer = client.get(f"/kk/rounds/{story.uuid}/files/{name}")
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == f"public, max-age={YEAR}, immutable"
        assert "html" not in answer["Content-Type"]
        answer.close()


@pytest.mark.parametrize(
    "name",
    ["secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "../../secret.txt", "/etc/passwd", ""],
)
def test_no_path_comes_from_an_address(client: Client, store: Path, name: str) -> None:
    story = rounds.publish(rounds.allocated())
    (store / "secret.txt").write_text("secret")
    (published.folder_of(story.uuid) / "secret.txt").write_text("secret")
    answer = client.get(f"/kk/rounds/{story.uuid}/files/{name}")
    assert answer.status_code == 404
    assert answer["Cache-Control"] == "no-store"


def test_before_publication_and_for_unknown_rounds_there_is_nothing_to_fetch(client: Client) -> None:
    story = rounds.allocated()
    for uuid in (story.uuid, uuid4()):
        for tail in ("files/closed.tsv", "parts/0.tsv"):
            assert client.get(f"/kk/rounds/{uuid}/{tail}").status_code == 404
    for tail in ("", "check/", "root.txt"):
        assert client.get(f"/kk/rounds/{uuid4()}/{tail}").status_code == 404


def test_files_that_stand_elsewhere_are_said_to(client: Client, store: Path) -> None:
    story = rounds.publish(rounds.allocated())
    published.folder_of(story.uuid).rename(store / "elsewhere")
    assert texts.say("en", "files.elsewhere") in text(client, f"/en/rounds/{story.uuid}/")
    assert texts.say("en", "check.later") in text(client, f"/en/rounds/{story.uuid}/check/")


def test_a_publication_that_fails_leaves_what_was_published(store: Path) -> None:
    story = rounds.publish(rounds.allocated())
    folder = published.folder_of(story.uuid)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OSError, match="full"):
        _half_written(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    rounds.publish(story)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in store.iterdir()] == [str(story.uuid)]


def _half_written(folder: Path) -> None:
    with published.replacing(folder) as beside:
        (beside / "terms.json").write_text("half")
        raise OSError("the disk is full")


# --- the root


def test_the_root_can_be_time_stamped_from_closing_on_and_never_changes(client: Client) -> None:
    story = rounds.closed()
    first = fetched(client, f"/kk/rounds/{story.uuid}/root.txt")
    assert first.decode().splitlines()[1:] == [
        f"round {story.round.number}",
        f"root {bytes(story.round.root or b'').hex()}",
    ]
    story.city.draw(story.round)
    story.city.allocate(story.round)
    rounds.publish(story)
    assert fetched(client, f"/en/rounds/{story.uuid}/root.txt") == first


def test_an_open_round_has_no_root(client: Client) -> None:
    the_round = rounds.admission.City().opened()
    assert client.get(f"/en/rounds/{the_round.uuid}/root.txt").status_code == 404
    assert texts.say("en", "round.state.open") in text(client, f"/en/rounds/{the_round.uuid}/")


# --- parts


@pytest.mark.parametrize("leaves", [2, 8, 64, 1024])
def test_the_parts_lead_to_the_root_and_hold_every_line(
    client: Client, monkeypatch: pytest.MonkeyPatch, leaves: int
) -> None:
    monkeypatch.setattr(parts, "LEAVES", leaves)
    story = rounds.publish(rounds.allocated())
    at = f"/kk/rounds/{story.uuid}/"
    proofs = [row.split("\t") for row in fetched(client, f"{at}files/proofs.tsv").decode().splitlines()]
    assert merkle.root(b"".join(bytes.fromhex(row[0]) for row in proofs)) == bytes(story.round.root or b"")
    pieces = [fetched(client, f"{at}parts/{n}.tsv").decode() for n in range(len(proofs))]
    assert client.get(f"{at}parts/{len(proofs)}.tsv").status_code == 404
    told = [row.split("\t") for row in "".join(pieces).splitlines()]
    closed = fetched(client, f"{at}files/closed.tsv").decode().splitlines()
    assert ["\t".join(fields[:6]) for fields in told] == closed
    results = fetched(client, f"{at}files/results.tsv").decode().splitlines()
    by_place = sorted((int(f[6]), f[1], f[7]) for f in told if len(f) > 1)
    assert [(ident, outcome) for _, ident, outcome in by_place] == [
        (row.split("\t")[1], row.split("\t")[4]) for row in results
    ]


def test_a_page_names_the_files_it_was_made_with() -> None:
    story = rounds.publish(rounds.allocated())
    sums = (published.folder_of(story.uuid) / "SHA256SUMS").read_bytes()
    assert round_page(story.uuid, "kk").version == hashlib.sha256(sums).hexdigest()[:12]
    assert [head.uuid for head in queries.round_heads()] == [story.uuid]
