"""The catalogue's cards of open groups: made anew whenever what they show has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from qosymsha.domain.providers import queries
from qosymsha.domain.providers.models import ClubCard, ClubGroup, ClubWord
from qosymsha.domain.providers.rules import KIND_WORDS, latin, plane, words_of
from qosymsha.kernel.text import sort_key

_CARD_FACTS = """
SELECT g.id, g.programme_id, g.provider_id, g.contract_id, o.activity_id, g.kind, v.district_id, g.language, g.age_min,
       g.age_max, t.weekdays, t.starts, t.ends, g.is_adapted, lower(g.valid), upper(g.valid) - 1, g.capacity,
       a.name_kk, a.name_ru, a.name_en, p.name, d.kato, d.name_kk, d.name_ru, d.name_en, v.address_kk, v.address_ru,
       v.latitude, v.longitude
  FROM club_group g JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id
  JOIN provider p ON p.id = g.provider_id JOIN venue v ON v.id = g.venue_id JOIN territory d ON d.id = v.district_id
  JOIN LATERAL (SELECT bit_or(1 << (weekday - 1)) AS weekdays, min(extract(epoch FROM starts) / 60)::int AS starts,
                       max(extract(epoch FROM ends) / 60)::int AS ends
                  FROM timetable_slot WHERE group_id = g.id AND NOT isempty(valid)) t ON t.weekdays IS NOT NULL
 WHERE g.id = ANY (%s) AND g.state = 'open' ORDER BY g.id"""


_CARDS = f"COPY club_card ({', '.join(str(f.column) for f in ClubCard._meta.concrete_fields)}) FROM STDIN"


def write_cards(group_ids: Sequence[int]) -> None:
    """Make the catalogue's cards of open groups anew, a constant number of statements; a closed group's card goes."""
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.execute("DELETE FROM club_card WHERE group_id = ANY (%s)", [list(group_ids)])
        cursor.execute(_CARD_FACTS, [list(group_ids)])
        cards = [_card(row) for row in cursor.fetchall()]
        words = sorted({word for card in cards for word in card[-4]})
        ClubWord.objects.bulk_create((ClubWord(word=w, latin=latin(w)) for w in words), ignore_conflicts=True)
        with cursor.copy(_CARDS) as copy:
            for card in cards:
                copy.write_row(card)


def write_cards_of(provider_ids: Sequence[int]) -> None:
    """Make the cards of these providers' groups anew: a name has changed."""
    if provider_ids:
        write_cards(list(ClubGroup.objects.filter(provider_id__in=provider_ids).values_list("id", flat=True)))


def _card(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A card's columns from its facts: words before the three sort keys, at the end."""
    columns, names, (kato, *texts, latitude, longitude) = row[:17], row[17:21], row[21:]
    degrees = (latitude, longitude) if latitude is not None else queries.centres().get(kato)
    kind, provider = columns[5], sort_key(names[3])
    words = words_of(*names, KIND_WORDS.get(kind, ""), *texts)
    sorts = (f"{sort_key(name or names[1])} {provider}" for name in names[:3])
    return (*columns, *(plane(*degrees) if degrees else (None, None)), list(words), *sorts)
