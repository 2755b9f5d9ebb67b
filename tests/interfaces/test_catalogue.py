"""Finding a club: words with slips, filters, order, pages, what to loosen; a group's page; at a constant cost."""

from __future__ import annotations

import re
from datetime import date, time
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.changes import commands as changes
from qosymsha.domain.insights.queries import catalogue
from qosymsha.domain.insights.queries.catalogue import Asked
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import load_territories
from qosymsha.domain.providers import commands
from qosymsha.domain.providers.rules import SlotDraft, VenueDraft, latin, plane, words_of
from qosymsha.domain.vouchers.models import Seat
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.text import sort_key
from tests.factories import providers as town
from tests.factories.people import SYSTEM, TODAY

pytestmark = pytest.mark.django_db
STATEMENTS = 11  # of a whole page: clock, programme, menus, rules, words, groups, count, lessons
YESIL, SARYARKA = "711210000", "711310000"


@pytest.fixture(autouse=True)
def a_day() -> None:
    """The pages' clock stands in the groups' year."""
    clock.shift_to(local_instant(date(2026, 3, 2), 10))


def slots(*weekdays: int, hour: int = 15) -> tuple[SlotDraft, ...]:
    return tuple(SlotDraft(day, time(hour), time(hour + 1, 20)) for day in weekdays)


class Clubs:
    """A city with a few groups that differ in everything that is asked for."""

    def __init__(self) -> None:
        load_territories(actor=SYSTEM, at=town.AT, key=uuid4())
        self.market = town.Market()
        self.market.lines["educational"] = town.town.line(self.market.programme_id, "educational")
        self.districts = people.territories_by_kato([YESIL, SARYARKA], TODAY)
        self.provider = self.market.ready()
        self.market.contract(self.provider, "sport")
        self.opened = 0

    def open(self, *many: dict[str, object]) -> list[int]:
        """Groups, each with a teacher and a venue of its own."""
        drafts = []
        for fields in many:
            self.opened += 1
            kato = str(fields.pop("kato", YESIL))
            venue = VenueDraft(
                self.districts[kato], f"Қабанбай көшесі, {self.opened}", f"улица Кабанбая, {self.opened}", 60
            )
            drafts.append(
                self.market.draft(
                    f"G{self.opened:03d}", teacher=town.teacher(self.opened), **({"venue": venue} | fields)
                )
            )
        outcomes = town.open_groups(self.provider, drafts)
        assert [o.reason for o in outcomes] == [None] * len(many)
        return [o.id for o in outcomes if o.id is not None]


@pytest.fixture
def clubs() -> Clubs:
    return Clubs()


def varied(clubs: Clubs) -> list[int]:
    """Dombra in Yesil, swimming in Saryarka, drawing adapted and in Russian, chess in the evening from April."""
    return clubs.open(
        {"activity": "dombra", "slots": slots(1, 4)},
        {"activity": "swimming", "kato": SARYARKA, "slots": slots(2, 4, 6, hour=9), "age_min": 5, "age_max": 8},
        {"activity": "drawing", "language": "ru", "is_adapted": True, "slots": slots(3), "age_min": 4, "age_max": 6},
        {"activity": "chess", "slots": slots(1, 3, hour=18), "first_day": date(2026, 4, 1)},
    )


def names(client: Client, query: str = "", language: str = "en") -> list[str]:
    """The activities found, in the order shown."""
    shown = client.get(f"/{language}/clubs/{query}").content.decode()
    return re.findall(r'<h3><a href="/\w+/clubs/[\w-]+/">(.*?)</a>', shown)


def test_all_open_groups_stand_in_the_alphabets_order(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    assert names(client) == ["Chess", "Dombra", "Drawing and painting", "Swimming"]
    kazakh = names(client, language="kk")
    assert kazakh == sorted(kazakh, key=sort_key)
    assert kazakh[1] == "Жүзу"  # after Домбыра, before Сурет салу and Шахмат


ALL = ["Chess", "Dombra", "Drawing and painting", "Swimming"]
TYPED = [
    ("жүзу", ["Swimming"]),
    ("жузу", ["Swimming"]),
    ("ЖУЗУ", ["Swimming"]),
    ("домбыра", ["Dombra"]),
    ("домбара", ["Dombra"]),
    ("dombyra", ["Dombra"]),
    ("shahmat", ["Chess"]),
    ("шохматы", ["Chess"]),
    ("рисования", ["Drawing and painting"]),
    ("рисов", ["Drawing and painting"]),
    ("плавание сарыарка", ["Swimming"]),
    ("swimming Сарыарқа", ["Swimming"]),
    ("домбра сарыарка", []),
    ("шанырак", ALL),
    ("кабанбай", ALL),
    ("спорт", ["Chess", "Swimming"]),
    ("каратэ", []),
    ("  ", ALL),
    ("'; drop table club_card; --", []),
    ("%%%", ALL),
]


def test_words_are_found_without_kazakh_letters_and_with_slips(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    assert {typed: names(client, f"?{urlencode({'q': typed})}") for typed, _ in TYPED} == dict(TYPED)


def test_without_folding_and_likeness_the_same_words_find_nothing(clubs: Clubs) -> None:
    """The control: the words as they stand in the table are not those typed."""
    varied(clubs)
    (exact,) = catalogue.spelled("домбыра")
    assert exact == ("домбыра",)
    assert "домбара" not in exact
    found = catalogue.search(clubs.market.programme_id, Asked(), [("домбара",)], TODAY, "kk")
    assert found.clubs == ()
    assert latin("домбыра") == latin("dombyra")
    assert words_of("Жүзу, 12") == ("жузу",)


ASKED = [
    ("?what=dombra", ["Dombra"]),
    ("?what=kind:sport", ["Chess", "Swimming"]),
    ("?age=5", ["Drawing and painting", "Swimming"]),
    ("?age=8&what=kind:creative", ["Dombra"]),
    (f"?district={SARYARKA}", ["Swimming"]),
    ("?day=Mon&day=Thu", ["Dombra"]),
    ("?day=Mon&day=Wed&day=Thu", ["Chess", "Dombra", "Drawing and painting"]),
    ("?day=Mon", []),
    ("?from=17", ["Chess"]),
    ("?until=11", ["Swimming"]),
    ("?from=14&until=17", ["Dombra", "Drawing and painting"]),
    ("?language=ru", ["Drawing and painting"]),
    ("?adapted=1", ["Drawing and painting"]),
    (f"?near={SARYARKA}&km=2", ["Swimming"]),
    (f"?near={YESIL}&sort=near&what=kind:sport", ["Chess", "Swimming"]),
    (f"?near={SARYARKA}&sort=near&what=kind:sport", ["Swimming", "Chess"]),
    ("?sort=soon", ["Dombra", "Swimming", "Drawing and painting", "Chess"]),
    (
        "?age=old&day=Moonday&district=x&what=%27&sort=worst&km=-1&after=1",
        ["Chess", "Dombra", "Drawing and painting", "Swimming"],
    ),
    ("?sort=soon&after=7~nonsense", ["Dombra", "Swimming", "Drawing and painting", "Chess"]),
    ("?programme=0", ALL),
]


def test_each_filter_and_order_does_what_it_says(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    assert {query: names(client, query) for query, _ in ASKED} == dict(ASKED)


def test_free_places_are_counted_and_asked_for(client: Client, clubs: Clubs) -> None:
    full, half, *_ = varied(clubs)
    Seat.objects.create(group_id=full, capacity=15, taken=15)
    Seat.objects.create(group_id=half, capacity=15, taken=14)
    assert "Dombra" not in names(client, "?free=1")
    assert "Swimming" in names(client, "?free=1")
    shown = client.get("/en/clubs/?what=dombra").content.decode()
    assert texts.say("en", "club.full") in shown
    assert texts.say("en", "club.free", n=1) in client.get("/en/clubs/?what=swimming").content.decode()


def test_nobody_sees_a_group_that_takes_nobody(client: Client, clubs: Clubs) -> None:
    closed, *_ = varied(clubs)
    changes.close_group(
        actor=town.OFFICER, group_id=closed, last_day=date(2026, 3, 1), reason="test", at=town.AT, key=uuid4()
    )
    assert "Dombra" not in names(client)
    connection.cursor().execute("UPDATE accreditation SET state = 'limited'")
    assert names(client) == []
    connection.cursor().execute("UPDATE accreditation SET state = 'accredited', valid = '[2026-01-01, 2026-03-02)'")
    assert names(client) == []


def test_the_pages_end_without_a_gap_or_a_repeat(client: Client, clubs: Clubs) -> None:
    clubs.open(*({"activity": ("dombra", "drawing", "ballet")[n % 3]} for n in range(45)))
    for order in ("name", "soon", "near"):
        met, query = [], f"?sort={order}&near={YESIL}"
        for _ in range(3):
            shown = client.get(f"/kk/clubs/{query}").content.decode()
            met += re.findall(r'<h3><a href="/kk/clubs/([\w-]+)/">', shown)
            onward = re.search(r'rel="next" href="([^"]+)"', shown)
            query = onward[1].replace("&amp;", "&") if onward else ""
        assert query == ""
        assert len(met) == len(set(met)) == 45
        assert texts.say("kk", "clubs.first") in shown


def test_many_groups_are_not_counted_to_the_last(client: Client, clubs: Clubs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "COUNTED", 3)
    varied(clubs)
    assert texts.say("en", "clubs.found_more", n=3) in client.get("/en/clubs/").content.decode()
    assert texts.say("en", "clubs.found", n=2) in client.get("/en/clubs/?what=kind:sport").content.decode()


def test_a_kept_count_never_denies_what_the_page_shows(client: Client, clubs: Clubs, settings: Any) -> None:
    """With answers kept for 30 s, groups open, then all are full: the heading says what stands below it."""
    settings.KEPT_SECONDS = 30

    def told(query: str = "") -> tuple[int, str]:
        shown = client.get(f"/en/clubs/?what=dombra&free=1{query}").content.decode()
        return len(re.findall(r"<h3><a href", shown)), re.findall(r'id="count">([^<]*)<', shown)[0]

    assert told() == (0, texts.say("en", "clubs.found", n=0))
    made = clubs.open({"activity": "dombra"})
    assert told() == (1, texts.say("en", "clubs.found", n=1))
    made += clubs.open(*({"activity": "dombra"} for _ in range(catalogue.PAGE)))
    assert told() == (catalogue.PAGE, texts.say("en", "clubs.found", n=catalogue.PAGE + 1))
    made += clubs.open(*({"activity": "dombra"} for _ in range(5)))
    assert told() == (catalogue.PAGE, texts.say("en", "clubs.found", n=catalogue.PAGE + 1)), "kept, and not denied"
    Seat.objects.bulk_create(Seat(group_id=one, capacity=15, taken=15) for one in made)
    assert told() == (0, texts.say("en", "clubs.found", n=0)), "the kept count says 21"
    assert texts.say("en", "clubs.loosen.free") in client.get("/en/clubs/?what=dombra&free=1").content.decode()


def test_an_empty_answer_says_which_filter_to_loosen(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    shown = client.get(f"/en/clubs/?what=dombra&district={SARYARKA}&age=8").content.decode()
    assert re.findall(r'<li><a href="(\?[^"]*)">([^<]*)</a>: ([^<]*)</li>', shown) == [
        (f"?district={SARYARKA}&amp;age=8", texts.say("en", "clubs.loosen.activity"), "1 group"),
        ("?what=dombra&amp;age=8", texts.say("en", "clubs.loosen.district"), "1 group"),
    ]
    nothing = client.get("/en/clubs/?q=парашют").content.decode()
    assert texts.say("en", "clubs.loosen.words") in nothing


def test_an_empty_installation_has_a_page_and_the_form_comes_back_as_it_was_typed(client: Client, clubs: Clubs) -> None:
    assert texts.say("kk", "clubs.empty") in client.get("/kk/clubs/").content.decode()
    shown = client.get("/kk/clubs/?q=%3Cb%3E&age=9&day=Tue&free=1&sort=soon").content.decode()
    assert 'value="&lt;b&gt;"' in shown
    for part in (
        '<option value="9" selected>9</option>',
        'value="Tue" checked',
        'name="free" type="checkbox" value="1" checked',
    ):
        assert part in shown
    assert re.search(r'<details class="wide" open>', shown)


def test_the_number_of_statements_does_not_grow(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    client.get("/ru/clubs/?q=домбра")  # rule sets are read once for a process
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as said:
            client.get(f"/ru/clubs/?q=домбра&district={YESIL}&free=1")
        counts.append(len(said))
        clubs.open(*({"activity": "dombra"} for _ in range(15)))
    assert counts[0] == counts[1] <= STATEMENTS


def test_opening_groups_writes_their_cards_at_a_constant_number_of_statements(clubs: Clubs) -> None:
    with CaptureQueriesContext(connection) as few:
        clubs.open({"activity": "dombra"}, {"activity": "ballet"})
    with CaptureQueriesContext(connection) as many:
        clubs.open(*({"activity": ("dombra", "ballet")[n % 2]} for n in range(20)))
    assert len(few) == len(many)


def test_a_renamed_provider_is_found_by_its_new_name(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    row = town.ProviderRow(town.bin_number(1), "Құлагер", "")
    commands.register_provider(
        actor=town.OFFICER, territory_id=clubs.market.territory_id, row=row, at=town.AT, key=uuid4()
    )
    assert len(names(client, "?q=кулагер")) == 4
    assert names(client, "?q=шанырак") == []


def test_the_map_says_the_same_as_its_list(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    shown = client.get("/en/clubs/map/?what=kind:sport").content.decode()
    rows = re.findall(
        r'<th scope="row"><a href="([^"]*)">([^<]*)</a></th><td class="n">(\d+)</td><td class="n">(\d+)', shown
    )
    told = {name: (groups, free) for _, name, groups, free in rows}
    assert told["Yesil"] == ("1", "15")
    assert told["Saryarka"] == ("1", "15")
    assert len(told) == shown.count('<text class="n"') == 6
    assert (f"/en/clubs/map/?what=kind%3Asport&amp;district={YESIL}", "Yesil", "1", "15") in rows


def test_the_map_draws_the_venues_whose_place_is_told_and_lists_them_all(client: Client, clubs: Clubs) -> None:
    places = {"Абая 1": (51.1105, 71.4301), "Абая 2": (51.1212, 71.4502), "Абая 9": None}
    clubs.open(
        *({"venue": VenueDraft(clubs.districts[YESIL], name, name, 40, place)} for name, place in places.items())
    )
    shown = unescape(client.get(f"/en/clubs/map/?district={YESIL}&sort=near").content.decode())
    assert shown.count('class="pin"') == 2
    listed = re.findall(r"<h3>([^<]*)</h3><p class=\"by\">[^·]*· about ([\d.]+) km(?: · ([^<]*))?<", shown)
    untold = texts.say("en", "map.not_told")
    assert [(name, said) for name, _, said in listed] == [("Абая 9", untold), ("Абая 1", ""), ("Абая 2", "")]
    assert [float(km) for _, km, _ in listed] == sorted(float(km) for _, km, _ in listed)
    cards = unescape(client.get(f"/en/clubs/?near={YESIL}&sort=near&km=2").content.decode())
    assert [cards.index(f"Абая {n}") for n in (1, 2)] == sorted(cards.index(f"Абая {n}") for n in (1, 2))


def test_the_plane_keeps_distances() -> None:
    (a_east, a_north), (b_east, b_north) = plane(51.11, 71.43), plane(51.19, 71.40)
    assert ((a_east - b_east) ** 2 + (a_north - b_north) ** 2) ** 0.5 == pytest.approx(9.14, abs=0.1)


def test_a_groups_page_says_all_that_a_family_needs(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    shown = unescape(client.get(names_and_addresses(client)["Dombra"]).content.decode())
    for part in (
        "Monday, Thursday: <b>15:00–16:20</b>",
        "Yesil district",
        "улица Кабанбая, 1",
        "Шаңырақ 1",
        texts.say("en", "teaching.kk"),
        texts.say("en", "club.ages", first=7, last=12),
        "8\u00a0000\u00a0₸",
        texts.say("en", "club.no_cost"),
        texts.say("en", "club.free", n=15),
        "Ибраев Марат",
        texts.say("en", "club.paper.teachers"),
        texts.say("en", "club.until", day="31.12.2026"),
    ):
        assert part in shown, part
    assert "800101" not in shown
    assert client.get(f"/en/clubs/{uuid4()}/").status_code == 404


def test_the_page_of_a_group_that_has_ended_says_so_and_leads_on(client: Client, clubs: Clubs) -> None:
    varied(clubs)
    address = names_and_addresses(client)["Dombra"]
    clock.shift_to(local_instant(date(2027, 3, 1), 10))
    for language in texts.LANGUAGES:
        answer = client.get(address.replace("/en/", f"/{language}/"))
        assert answer.status_code == 410
        shown = unescape(answer.content.decode())
        assert texts.say(language, "club.over", day="31.12.2026") in shown
        assert f'href="/{language}/clubs/?what=dombra"' in shown
    assert client.get(f"/en/clubs/{uuid4()}/").status_code == 404


def names_and_addresses(client: Client) -> dict[str, str]:
    shown = client.get("/en/clubs/").content.decode()
    return {name: address for address, name in re.findall(r'<h3><a href="([^"]+)">(.*?)</a>', shown)}


def test_a_full_group_offers_no_place_and_says_how_one_comes_free(client: Client, clubs: Clubs) -> None:
    (group, *_) = varied(clubs)
    Seat.objects.create(group_id=group, capacity=15, taken=15)
    shown = unescape(client.get(names_and_addresses(client)["Dombra"]).content.decode())
    assert texts.say("en", "club.full_p") in shown
    assert texts.say("en", "club.take") not in shown
