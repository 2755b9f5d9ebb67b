"""A claim's formula in numbers and in words of three languages: what is stored, hashed, and shown to the provider."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.compact import compact
from qosymsha.domain.settlement.rules.pay import PAPER, PER_LESSON, Settlement
from qosymsha.kernel.money import Money

SCHEMA = "qosymsha.claim/2"


@dataclass(frozen=True, slots=True)
class MonthRule:
    """The pay rule of a month, the hash (hex) of the rule set that holds it, and what is counted: lesson, day, meal."""

    pay: Pay
    rules_hash: str
    unit: str = "lesson"


@dataclass(frozen=True, slots=True)
class TariffSum:
    """What the rows of one month and tariff come to."""

    month: date
    unit_tariff_tiyn: int
    children: int
    units: int
    amount_tiyn: int


# The field's word for a unit: (one by one in a rule, counted in a sum), singular after a number in Kazakh.
_UNITS = {
    "kk": {"lesson": "сабақ", "day": "күн", "meal": "тамақтану"},
    "ru": {"lesson": "занятий", "day": "дней", "meal": "приёмов пищи"},
    "en": {"lesson": "lessons", "day": "days", "meal": "meals"},
}
_EACH = {
    "kk": {"lesson": "әр расталған сабақ үшін", "day": "әр расталған күн үшін", "meal": "әр расталған тамақтану үшін"},
    "ru": {
        "lesson": "за каждое подтверждённое занятие",
        "day": "за каждый подтверждённый день",
        "meal": "за каждый подтверждённый приём пищи",
    },
    "en": {
        "lesson": "for each confirmed lesson",
        "day": "for each confirmed day",
        "meal": "for each confirmed meal",
    },
}
_MONTH = {
    "kk": "ай үшін: {units} санының кемінде {percent}%-ы есептелсе толық, әйтпесе үлесі",
    "ru": "за месяц: полностью, если засчитано не менее {percent} % {units}, иначе доля",
    "en": "for the month: in full where at least {percent} % of the {units} count, else their share",
}
_ABSENCES = {
    "kk": {
        False: "себепті болмаған {units} төленбейді",
        True: "себепті болмаған {units} айына {cap}-ден артық төленбейді ({reasons})",
    },
    "ru": {
        False: "пропуски не оплачиваются",
        True: "пропусков по уважительной причине оплачивается не более {cap} в месяц ({reasons})",
    },
    "en": {
        False: "absences are not paid",
        True: "absences for a valid reason are paid up to {cap} a month ({reasons})",
    },
}
_REASONS = {
    "kk": {"ill": "ауру", "excused": "рұқсатпен", PAPER: "қағазбен расталған"},
    "ru": {"ill": "болезнь", "excused": "с разрешения", PAPER: "подтверждено справкой"},
    "en": {"ill": "illness", "excused": "excused", PAPER: "proved by a paper"},
}
_LINE = {
    "kk": "{month}: {units} {unit} × {tariff}, балалар: {children} = {amount}",
    "ru": "{month}: {unit} {units} × {tariff}, детей: {children} = {amount}",
    "en": "{month}: {units} {unit} × {tariff}, children: {children} = {amount}",
}
_SHARE = {"kk": " (үлестермен)", "ru": " (с долями)", "en": " (with shares)"}
_LATER = {
    "kk": "Оның ішінде бұрынғы айлардың қосымша бөлігі: {count} жол, {amount}",
    "ru": "В том числе дополнительные части прежних месяцев: строк {count}, {amount}",
    "en": "Of these, later parts of rows claimed before: {count} rows, {amount}",
}
_TOTAL = {"kk": "Барлығы: {amount}", "ru": "Итого: {amount}", "en": "Total: {amount}"}
_HELD = {
    "kk": "Күтіп тұрған жолдар: {count}",
    "ru": "Строк, которые ждут: {count}",
    "en": "Rows that wait: {count}",
}
_KEPT = {
    "kk": "Ақшасы орнында сақталған, күні тексерілетін жолдар: {count}",
    "ru": "Строк с днями на проверке, деньги остаются на месте: {count}",
    "en": "Rows with days still looked into, their money stays on the place: {count}",
}


def tariff_sums(settlement: Settlement) -> list[TariffSum]:
    """The claim's rows by month and tariff, in that order."""
    found: dict[tuple[date, int], list[int]] = {}
    for item in settlement.settled:
        sums = found.setdefault((item.row.month, item.row.attended.unit_tariff_tiyn), [0, 0, 0])
        sums[0] += 1
        sums[1] += item.due.units
        sums[2] += item.due.amount_tiyn
    return [TariffSum(month, tariff, *sums) for (month, tariff), sums in sorted(found.items())]


def claim_formula(settlement: Settlement, rules: Mapping[date, MonthRule]) -> dict[str, Any]:
    """The formula as JSON-able data: sums by month and tariff, the rules' hashes, held rows by reason, the words."""
    sums = tariff_sums(settlement)
    months = sorted({s.month for s in sums})
    return {
        "schema": SCHEMA,
        "rules": {month.isoformat()[:7]: rules[month].rules_hash for month in months},
        "sums": [
            {
                "month": s.month.isoformat()[:7],
                "unit_tariff_tiyn": s.unit_tariff_tiyn,
                "children": s.children,
                "units": s.units,
                "amount_tiyn": s.amount_tiyn,
            }
            for s in sums
        ],
        "units": settlement.units,
        "amount_tiyn": settlement.amount_tiyn,
        "held": dict(sorted(Counter(h.reason.value for h in settlement.held).items())),
        "later_parts": _later(settlement)[0],
        "kept": _kept(settlement),
        "words": {language: _words(language, settlement, sums, rules) for language in _LINE},
    }


def _later(settlement: Settlement) -> tuple[int, int]:
    """Rows that had a part before, and what their next parts come to in tiyn."""
    later = [item.due.amount_tiyn for item in settlement.settled if item.row.part > 1]
    return len(later), sum(later)


def _kept(settlement: Settlement) -> int:
    return sum(item.keep_tiyn > 0 for item in settlement.settled)


def _words(language: str, settlement: Settlement, sums: list[TariffSum], rules: Mapping[date, MonthRule]) -> list[str]:
    words = [
        _rule_words(language, *rule) for rule in dict.fromkeys((rules[s.month].pay, rules[s.month].unit) for s in sums)
    ]
    words += [_line_words(language, s, rules[s.month].unit) for s in sums]
    count, amount = _later(settlement)
    if count:
        words.append(_LATER[language].format(count=count, amount=Money(amount)))
    if _kept(settlement):
        words.append(_KEPT[language].format(count=_kept(settlement)))
    words.append(_TOTAL[language].format(amount=Money(settlement.amount_tiyn)))
    if settlement.held:
        words.append(_HELD[language].format(count=len(settlement.held)))
    return words


def _rule_words(language: str, pay: Pay, unit: str) -> str:
    units, percent = _UNITS[language][unit], f"{pay.month_threshold_permille / 10:g}"
    is_paid = pay.paid_absences_cap > 0 and bool(pay.paid_reasons)
    names = [*pay.paid_reasons, *([PAPER] if pay.evidence == PAPER else [])]
    reasons = ", ".join(_REASONS[language][name] for name in names)
    counted = _EACH[language][unit] if pay.mode == PER_LESSON else _MONTH[language].format(units=units, percent=percent)
    return f"{counted}; {_ABSENCES[language][is_paid].format(units=units, cap=pay.paid_absences_cap, reasons=reasons)}"


def _line_words(language: str, s: TariffSum, unit: str) -> str:
    text = _LINE[language].format(
        month=f"{s.month:%m.%Y}",
        units=s.units,
        unit=_UNITS[language][unit],
        tariff=Money(s.unit_tariff_tiyn),
        children=s.children,
        amount=Money(s.amount_tiyn),
    )
    return text if s.units * s.unit_tariff_tiyn == s.amount_tiyn else text + _SHARE[language]


def claim_hash(number: str, formula: dict[str, Any], rows: Sequence[Sequence[int]]) -> bytes:
    """SHA-256 of the claim: number, formula, rows as [sheet row, part, units, tariff, amount, kept] in tiyn."""
    return hashlib.sha256(compact({"number": number, "formula": formula, "rows": rows})).digest()
