"""A claim's formula in numbers and in words of three languages: what is stored, hashed, and shown to the provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.pay import PER_LESSON, Settlement
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.money import Money

SCHEMA = "qosymsha.claim/1"


@dataclass(frozen=True, slots=True)
class MonthRule:
    """The pay rule of a month and the hash (hex) of the rule set that holds it."""

    pay: Pay
    rules_hash: str


@dataclass(frozen=True, slots=True)
class TariffSum:
    """What the rows of one month and tariff come to."""

    month: date
    unit_tariff_tiyn: int
    children: int
    units: int
    amount_tiyn: int


_RULE = {
    "kk": {
        True: "әр расталған сабақ үшін, дәлелді себеппен босатылған сабақтар айына {cap}-ден артық емес",
        False: "ай үшін: сабақтардың кемінде {percent}%-ы есептелсе толық, әйтпесе үлесі; "
        "дәлелді босату айына {cap}-ден артық емес",
    },
    "ru": {
        True: "за каждое подтверждённое занятие, пропусков по уважительной причине не более {cap} в месяц",
        False: "за месяц: полностью, если засчитано не менее {percent} % занятий, иначе доля; "
        "пропусков по уважительной причине не более {cap}",
    },
    "en": {
        True: "for each confirmed lesson, absences for a valid reason up to {cap} a month",
        False: "for the month: in full where at least {percent} % of the lessons count, else their share; "
        "valid absences up to {cap}",
    },
}
_LINE = {
    "kk": "{month}: {units} сабақ × {tariff}, балалар: {children} = {amount}",
    "ru": "{month}: занятий {units} × {tariff}, детей: {children} = {amount}",
    "en": "{month}: {units} lessons × {tariff}, children: {children} = {amount}",
}
_SHARE = {"kk": " (үлестермен)", "ru": " (с долями)", "en": " (with shares)"}
_TOTAL = {"kk": "Барлығы: {amount}", "ru": "Итого: {amount}", "en": "Total: {amount}"}
_HELD = {
    "kk": "Күтіп тұрған жолдар: {count}",
    "ru": "Строк, которые ждут: {count}",
    "en": "Rows that wait: {count}",
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
        "words": {language: _words(language, settlement, sums, rules) for language in _LINE},
    }


def _words(language: str, settlement: Settlement, sums: list[TariffSum], rules: Mapping[date, MonthRule]) -> list[str]:
    words = [_rule_words(language, pay) for pay in dict.fromkeys(rules[s.month].pay for s in sums)]
    words += [_line_words(language, s) for s in sums]
    words.append(_TOTAL[language].format(amount=Money(settlement.amount_tiyn)))
    if settlement.held:
        words.append(_HELD[language].format(count=len(settlement.held)))
    return words


def _rule_words(language: str, pay: Pay) -> str:
    template = _RULE[language][pay.mode == PER_LESSON]
    return template.format(cap=pay.paid_absences_cap, percent=f"{pay.month_threshold_permille / 10:g}")


def _line_words(language: str, s: TariffSum) -> str:
    text = _LINE[language].format(
        month=f"{s.month:%m.%Y}",
        units=s.units,
        tariff=Money(s.unit_tariff_tiyn),
        children=s.children,
        amount=Money(s.amount_tiyn),
    )
    return text if s.units * s.unit_tariff_tiyn == s.amount_tiyn else text + _SHARE[language]


def claim_hash(number: str, formula: dict[str, Any], rows: list[list[int]]) -> bytes:
    """SHA-256 of the claim: its number, its formula, each row as [sheet row, units, tariff tiyn, amount tiyn]."""
    return digest({"number": number, "formula": formula, "rows": rows})
