"""The market of `bench.catalogue`: made by set-based SQL, its cards by the domain's own step."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from random import Random
from uuid import uuid4

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - the app registry first
from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.month import _cpu  # noqa: E402
from qosymsha.domain.insights.queries import catalogue  # noqa: E402
from qosymsha.domain.insights.queries.catalogue import Asked  # noqa: E402
from qosymsha.domain.people import queries as people  # noqa: E402
from qosymsha.domain.people.commands import load_territories  # noqa: E402
from qosymsha.domain.programmes.commands import load_classifiers  # noqa: E402
from qosymsha.domain.programmes.models import Programme  # noqa: E402
from qosymsha.domain.providers.rules import plane  # noqa: E402
from qosymsha.domain.providers.steps import write_cards  # noqa: E402
from qosymsha.kernel import clock  # noqa: E402
from qosymsha.kernel.actor import Actor  # noqa: E402

TODAY = date(2026, 3, 2)
PER_PROVIDER = 20
SYSTEM = Actor.system("bench")

_MARKET = """
INSERT INTO provider (id, uuid, number, territory_id, legal_form, bin, name, folded, iban, created_at)
SELECT p, gen_random_uuid(), 'P-' || p, %(city)s, 'company', lpad(p::text, 12, '0'),
       (ARRAY['Шаңырақ', 'Тұлпар', 'Балапан', 'Жұлдыз', 'Қыран', 'Самұрық', 'Ұшқын', 'Дарын'])[1 + p %% 8] || ' '
       || (ARRAY['студия', 'клуб', 'орталық', 'мектеп'])[1 + p %% 4] || ' ' || chr(1072 + p %% 32)
       || chr(1072 + p / 32 %% 32) || chr(1072 + p / 1024 %% 32), '', '', now()
  FROM generate_series(1, %(providers)s) p;
INSERT INTO accreditation (uuid, territory_id, programme_id, provider_id, state, valid, filed_at, review_by, reason)
SELECT gen_random_uuid(), %(city)s, %(programme)s, p, CASE WHEN p %% 50 = 0 THEN 'limited' ELSE 'accredited' END,
       daterange('2026-01-01', '2027-01-01'), now(), '2026-01-10', ''
  FROM generate_series(1, %(providers)s) p;
INSERT INTO contract (id, uuid, number, territory_id, programme_id, provider_id, line_id, volume_tiyn, valid, state,
       signed_at)
SELECT p, gen_random_uuid(), 'K-' || p, %(city)s, %(programme)s, p, 1, 1000000000000000,
       daterange('2026-01-01', '2027-01-01'), 'signed', now()
  FROM generate_series(1, %(providers)s) p;
INSERT INTO offering (id, uuid, territory_id, programme_id, provider_id, contract_id, activity_id)
SELECT o, gen_random_uuid(), %(city)s, %(programme)s, (o + 3) / 4, (o + 3) / 4,
       (%(activities)s::text[])[1 + (o * 7) %% cardinality(%(activities)s::text[])]
  FROM generate_series(1, 4 * %(providers)s) o;
INSERT INTO venue (id, uuid, provider_id, district_id, address_kk, address_ru, capacity, latitude, longitude)
SELECT v, gen_random_uuid(), (v + 1) / 2, (%(districts)s::int[])[1 + v %% cardinality(%(districts)s::int[])],
       'Абай көшесі, ' || v, 'улица Абая, ' || v, 100, 51.08 + hashint4(v) %% 1000 * 0.00012,
       71.44 + hashint4(v + 1000000) %% 1000 * 0.0001
  FROM generate_series(1, 2 * %(providers)s) v;
INSERT INTO club_group (id, uuid, territory_id, programme_id, provider_id, offering_id, contract_id, line_id, venue_id,
       kind, code, language, age_min, age_max, capacity, unit_tariff_tiyn, units_per_month, is_adapted, valid, state)
SELECT g, gen_random_uuid(), %(city)s, %(programme)s, p, 4 * p - g %% 4, p, 1, 2 * p - g %% 2,
       a.kind, 'G' || g, CASE WHEN g %% 10 < 7 THEN 'kk' ELSE 'ru' END, 5 + g %% 5, 9 + g %% 9, 15, 194625, 8,
       g %% 30 = 0, daterange(date '2026-02-01' + g %% 60, '2027-01-01'), 'open'
  FROM (SELECT g, (g - 1) / %(per_provider)s + 1 AS p FROM generate_series(1, %(groups)s) g) x
  JOIN offering o ON o.id = 4 * p - g %% 4 JOIN activity a ON a.code = o.activity_id;
INSERT INTO teacher (id, uuid) SELECT g, gen_random_uuid() FROM generate_series(1, %(groups)s) g;
INSERT INTO timetable_slot (group_id, teacher_id, weekday, starts, ends, valid)
SELECT g, g, 1 + (g + 3 * n) %% 6, time '09:00' + g %% 10 * interval '1 hour',
       time '10:20' + g %% 10 * interval '1 hour', daterange('2026-02-01', '2027-01-01')
  FROM generate_series(1, %(groups)s) g, generate_series(0, 1) n;
INSERT INTO seat (group_id, capacity, taken) SELECT g, 15, CASE WHEN g %% 3 = 0 THEN 15 ELSE g %% 15 END
  FROM generate_series(1, %(groups)s) g WHERE g %% 5 > 0"""


class Market:
    """A city's groups and the searches that are asked."""

    def __init__(self, groups: int) -> None:
        self.groups = groups
        self.programme = 0
        self.districts: list[int] = []

    def make(self) -> None:
        """Tables, market and cards; said with what it took."""
        call_command("migrate", verbosity=0)
        start = time.perf_counter()
        load_territories(actor=SYSTEM, at=clock.read(), key=uuid4())
        load_classifiers(actor=SYSTEM, at=clock.read(), key=uuid4())
        city = people.territory_by_kato("710000000", TODAY)
        assert city is not None, "the product's own data has Astana"
        self.districts = [district.id for district in people.districts_of(city, TODAY)]
        self.programme = Programme.objects.create(
            territory_id=city, code="clubs", name_kk="Үйірме", name_ru="Кружки"
        ).pk
        with connection.cursor() as cursor:
            cursor.execute("SELECT array_agg(code ORDER BY code) FROM activity")
            (activities,) = cursor.fetchone()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in _MARKET.split(";\n"):
                cursor.execute(
                    statement,
                    {
                        "city": city,
                        "programme": self.programme,
                        "providers": -(-self.groups // PER_PROVIDER),
                        "per_provider": PER_PROVIDER,
                        "groups": self.groups,
                        "districts": self.districts,
                        "activities": activities,
                    },
                )
        made = time.perf_counter()
        with transaction.atomic():
            write_cards(range(1, self.groups + 1))
        carded = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        took = 1e6 * (carded - made) / self.groups
        print(f"{self.groups:,} groups made in {made - start:.1f} s; their cards: {took:.0f} µs a group\n")

    def searches(self) -> dict[str, tuple[str, Asked]]:
        """What is asked, by name: typed text and filters."""
        here = plane(51.13, 71.45)
        return {
            "nothing asked, by name": ("", Asked()),
            "nothing asked, soonest": ("", Asked(sort="soon")),
            "nearest to a place": ("", Asked(sort="near", near=here)),
            "within 2 km, free, age 9": ("", Asked(sort="near", near=here, within_km=2, is_free=True, age=9)),
            "a direction": ("", Asked(activity="dombra")),
            "a word without Kazakh letters": ("жузу", Asked()),
            "a word with a slip": ("робтатехника", Asked()),
            "in Latin letters": ("futbol", Asked()),
            "two words": ("домбра балапан", Asked()),
            "a provider's name": ("самурык клуб", Asked()),
            "five filters": (
                "",
                Asked(age=8, weekdays=0b0010110, starts=900, is_free=True, district_id=self.districts[2]),
            ),
            "all but never found": ("", Asked(age=8, weekdays=0b1000000, starts=900, ends=960, language="ru")),
            "a page further": ("", Asked(after=("мүсін", 0))),
        }

    def ask(self, runs: int) -> None:
        """Ask each search and the yardstick in turn; processor time is the client's and its server backend's."""
        print(f"{'ms':32} {'p50':>7} {'p99':>7} {'cpu':>7}   {'of the key: p50':>15} {'cpu':>7}   found")
        draw = Random(1)
        for name, (text, asked) in self.searches().items():
            keyed = _Timed(lambda: _by_key(draw.randrange(1, self.groups + 1)))
            searched = _Timed(lambda text=text, asked=asked: self._one(text, asked))  # type: ignore[misc]
            for _ in range(runs // 10):
                searched.run(10)
                keyed.run(100)
            p50, p99, cpu = searched.told()
            key50, key99, key_cpu = keyed.told()
            found = self._one(text, asked)
            print(
                f"{name:32} {p50:7.2f} {p99:7.2f} {cpu:7.2f} {p50 / key50:15.1f}x {cpu / key_cpu:7.1f}x   {found}",
                flush=True,
            )
        print(f"{'a row by its key (yardstick)':32} {key50:7.2f} {key99:7.2f} {key_cpu:7.2f}")

    def explain(self) -> None:
        """Print the plans of each search's statements."""
        for name, (text, asked) in self.searches().items():
            with CaptureQueriesContext(connection) as said:
                self._one(text, asked)
            for statement in list(said):
                with connection.cursor() as cursor:
                    cursor.execute(
                        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement["sql"].replace("%", "%%"), []
                    )
                    print(f"\n== {name}\n" + "\n".join(row[0] for row in cursor.fetchall()))

    def _one(self, text: str, asked: Asked) -> int:
        words = catalogue.spelled(text) if text else ()
        catalogue.search(self.programme, asked, words, TODAY, "kk")
        return catalogue.counted(self.programme, asked, words, TODAY)


def _by_key(group_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuid, code FROM club_group WHERE id = %s", [group_id])
        cursor.fetchone()


class _Timed:
    """Some work, asked again and again: wall time of each, processor time of all."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work, self.walls, self.cpu = work, list[float](), 0.0

    def run(self, times: int) -> None:
        """Do it so many times."""
        before = _cpu()
        for _ in range(times):
            start = time.perf_counter()
            self.work()
            self.walls.append(time.perf_counter() - start)
        self.cpu += _cpu() - before

    def told(self) -> tuple[float, float, float]:
        """Median, 99th percentile and processor time of one, in ms."""
        ordered = sorted(self.walls)
        last = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        return 1e3 * ordered[len(ordered) // 2], 1e3 * last, 1e3 * self.cpu / len(ordered)
