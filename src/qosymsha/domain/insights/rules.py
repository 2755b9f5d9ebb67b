"""What an invariant promises, in three languages, and what a check answers. Source of the list: RELIABILITY.md 5."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Span(StrEnum):
    """How much a check looked at."""

    MINUTE = "minute"  # what was touched since its last green run
    FULL = "full"  # everything


@dataclass(frozen=True, slots=True)
class Promise:
    """An invariant by its stable id, in words for the public."""

    id: str
    kk: str
    ru: str
    en: str


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """One check: violations counted, the first of them by id, seconds; `not_applicable` says why it was not made.

    A check that was not made is `ok` with a reason, never silently: read both.
    """

    id: str
    ok: bool
    violations: int
    examples: list[str]
    seconds: float
    not_applicable: str = ""
    reached: dict[str, Any] = field(default_factory=dict)


# What a promise is about, in the order of the pages.
SUBJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("places", ("INV-1", "INV-2", "INV-3", "INV-8", "INV-10", "INV-11")),
    ("money", ("INV-4", "INV-5", "INV-6", "INV-7", "INV-14", "INV-15", "LEDGER-13", "MONEY-TRAIL")),
    ("draw", ("INV-16", "INV-17")),
    ("trust", ("INV-9", "INV-12", "INV-13", "INV-18", "INV-19", "INV-20", "INV-21", "INV-22")),
)
PROMISES: tuple[Promise, ...] = (
    Promise(
        "INV-1",
        "Топта орын санынан артық бала жоқ, санауыш жолдарға тең",
        "В группе не больше детей, чем мест, и счётчик равен строкам",
        "No group holds more children than places, and its counter equals its rows",
    ),
    Promise(
        "INV-2",
        "Бір ваучерге бір ғана қолданыстағы орын",
        "У ваучера не больше одного действующего места",
        "A voucher has at most one live place",
    ),
    Promise(
        "INV-3",
        "Бала бір бағдарламада бір ғана қолданыстағы ваучер алады, бір ЖСН — бір бала",
        "У ребёнка один действующий ваучер программы, один ИИН — один ребёнок",
        "A child has one live voucher of a programme and slot, and one IIN is one child",
    ),
    Promise(
        "INV-4",
        "Әр жазба нөлге тең, қалдықтар жазбалар сомасына тең",
        "Каждая проводка сходится в ноль, остатки равны сумме записей",
        "Each posting sums to zero, and each balance is the sum of its entries",
    ),
    Promise(
        "INV-5",
        "Бюджет жолы ешқашан минусқа түспеген",
        "Строка бюджета никогда не уходила в минус",
        "No budget line is or ever was below zero",
    ),
    Promise(
        "INV-6",
        "Төленетін сома расталған сабақтар мен ережеге дәл сай",
        "Сумма требования точно следует правилу и подтверждённым занятиям",
        "What is claimed is exactly confirmed attendance by the rule in force",
    ),
    Promise(
        "INV-7",
        "Екі тарап растамаған не тоқтатылған күн төленбейді",
        "Ничего не платится без слова двух сторон и за приостановленный день",
        "Nothing is paid without the word of two parties, nor for a day held back",
    ),
    Promise(
        "INV-8",
        "Бала бір уақытта екі жерде болмайды",
        "Ребёнок не бывает в двух местах сразу",
        "A child is not present in two places at once",
    ),
    Promise(
        "INV-9",
        "Аудит тізбегі үзіліссіз әрі байланысты",
        "Цепочка аудита без пропусков и разрывов",
        "The audit chain is gapless and linked",
    ),
    Promise(
        "INV-10",
        "Әр тарих заңды жолмен жүреді",
        "Каждая история идёт по разрешённому пути",
        "Every history is a legal path",
    ),
    Promise(
        "INV-11",
        "Қазіргі күй тарихтың соңғы жолына тең",
        "Текущее состояние равно последней строке истории",
        "The present state is the last row of the history",
    ),
    Promise(
        "INV-12",
        "Әр расталған кілттің нәтижесі мен аудит жолы бар",
        "У каждого принятого ключа есть результат и строка аудита",
        "Every acknowledged key has its outcome and its audit row",
    ),
    Promise("INV-13", "Тұрып қалған жұмыс жоқ", "Нет застрявших заданий", "No job is stuck"),
    Promise(
        "INV-14",
        "Аралық шоттар толық түсіндірілген, баланың сабақтары қабаттаспайды",
        "Промежуточные счета объяснены до тиына, занятия ребёнка не пересекаются",
        "Clearing accounts are explained row by row, a child's timetables do not overlap",
    ),
    Promise(
        "INV-15",
        "Төлем жолы бір ғана қабылданған файлда, сомалар тең",
        "Строка оплаты не больше чем в одном принятом файле, суммы сходятся",
        "A claim is in at most one accepted file, and file, lines and replies agree",
    ),
    Promise(
        "INV-16",
        "Кезекте жоғары тұрған бала төменге орын берілгенде күтіп қалмайды",
        "Никто выше в очереди не ждёт, пока место у стоящего ниже",
        "Nobody better placed waits while a worse placed child was granted",
    ),
    Promise(
        "INV-17",
        "Бөлу жарияланған деректерден қайта есептегенде дәл сондай",
        "Распределение повторяется по опубликованным данным",
        "The allocation equals its recomputation from published inputs",
    ),
    Promise(
        "INV-18",
        "Жарияланған бақылау нүктесі журналдың басы болып табылады",
        "Опубликованная контрольная точка — начало журнала",
        "The last published checkpoint is a prefix of the log",
    ),
    Promise(
        "INV-19",
        "Бала жазбасын әр оқудың аудит жолы бар",
        "У каждого чтения записи ребёнка есть строка аудита",
        "Every read of a child's record has an audit row",
    ),
    Promise(
        "INV-20",
        "Күшінде байланысы жоқ құқық жоқ",
        "Нет права без действующей связи",
        "No right without a relation valid on its day",
    ),
    Promise(
        "INV-21",
        "Мерзімі өткен жеке деректер сақталмайды",
        "Нет персональных данных старше срока хранения",
        "No personal data past its retention date",
    ),
    Promise(
        "INV-22",
        "Сервер параметрлері қауіпсіз",
        "Настройки сервера безопасны",
        "The server's settings survive a power cut",
    ),
    Promise(
        "LEDGER-13",
        "Әр жолда бөлінген ақша барлық шоттардың сомасына тең",
        "По каждой строке выделенное равно сумме всех счетов",
        "Per line, what the budget gave is where the accounts say it is",
    ),
    Promise(
        "MONEY-TRAIL",
        "Әр теңге түсіндірілген: шоттар мен құжаттар тиынға дейін тең, мөрленген күндер өзгермеген",
        "Каждый тенге объяснён: счета и документы сходятся до тиына, запечатанные дни не изменены",
        "Every tenge is explained: accounts and documents agree to the tiyn, sealed days are unchanged",
    ),
)
