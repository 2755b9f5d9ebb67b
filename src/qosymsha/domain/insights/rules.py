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
        "Топта орын санынан артық бала жоқ, орын саны дұрыс есептелген",
        "В группе не больше детей, чем мест, и счёт мест верен",
        "No group holds more children than places, and its places are counted right",
    ),
    Promise(
        "INV-2",
        "Бір ваучерге бір ғана қолданыстағы орын",
        "По ваучеру не больше одного действующего места",
        "A voucher has at most one live place",
    ),
    Promise(
        "INV-3",
        "Баланың бір бағдарламада бір ғана ваучері бар, бір ЖСН — бір бала",
        "У ребёнка один ваучер программы, один ИИН — один ребёнок",
        "A child has one voucher of a programme, and one IIN is one child",
    ),
    Promise(
        "INV-4",
        "Ақша жоқтан пайда болмайды, жоғалмайды: әр жазба нөлге тең, қалдықтар дұрыс",
        "Деньги не появляются и не пропадают: каждая проводка сходится в ноль, остатки верны",
        "Money neither appears nor vanishes: each posting sums to zero, each balance is right",
    ),
    Promise(
        "INV-5",
        "Бюджетте бардан артық ешқашан уәде етілмеген",
        "Никогда не обещано больше, чем есть в бюджете",
        "Never was more promised than the budget holds",
    ),
    Promise(
        "INV-6",
        "Төленетін сома ереже мен расталған сабақтарға дәл сай",
        "К оплате ровно то, что следует из правила и подтверждённых занятий",
        "What is to be paid is exactly what the rule gives for confirmed lessons",
    ),
    Promise(
        "INV-7",
        "Екі тарап растамаған сабақ та, тоқтатылған күн де төленбейді",
        "Не платится ни без слова двух сторон, ни за приостановленный день",
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
        "Іс-әрекет журналы үзіліссіз: ештеңе өшірілмеген, түзетілмеген",
        "Журнал действий непрерывен: ничего не вынуто и не исправлено",
        "The log of deeds is whole: nothing was taken out or changed",
    ),
    Promise(
        "INV-10",
        "Ваучер, орын және өтінім тек рұқсат етілген қадаммен өзгереді",
        "Ваучеры, места и заявки меняются только разрешёнными шагами",
        "Vouchers, places and applications change by permitted steps only",
    ),
    Promise(
        "INV-11",
        "Әрқайсысының қазіргі күйі — тарихының соңғы қадамы",
        "Нынешнее состояние каждого — последний шаг его истории",
        "The present state of each is the last step of its history",
    ),
    Promise(
        "INV-12",
        "Қабылданған әр әрекеттің нәтижесі мен журналда жазбасы бар",
        "У каждого принятого действия есть результат и запись в журнале",
        "Every deed accepted has its outcome and its line in the log",
    ),
    Promise("INV-13", "Тұрып қалған жұмыс жоқ", "Нет застрявших заданий", "No job is stuck"),
    Promise(
        "INV-14",
        "Жолдағы ақша тиынға дейін түсіндірілген, баланың сабақтары қабаттаспайды",
        "Деньги в пути объяснены до тиына, занятия ребёнка не пересекаются",
        "Money under way is explained to the tiyn, a child's lessons do not overlap",
    ),
    Promise(
        "INV-15",
        "Әр талап бір рет қана төленеді, файл мен банк жауабының сомасы тең",
        "Каждое требование оплачено не больше одного раза, суммы файла и ответа банка равны",
        "Each claim is paid once at most; file and bank agree on the sums",
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
        "Соңғы қол қойылған белгіден бері журнал кесілмеген, қайта жазылмаған",
        "Со времени последней подписанной отметки журнал не обрезан и не переписан",
        "Since its last signed mark the log was neither cut nor written anew",
    ),
    Promise(
        "INV-19",
        "Баланың дерегін әр оқудан журналда із қалған",
        "Каждое чтение данных ребёнка оставило след в журнале",
        "Every reading of a child's record has left its line in the log",
    ),
    Promise(
        "INV-20",
        "Бала үшін тек құқығы бар адам әрекет еткен",
        "За ребёнка действовал только тот, кто имел на это право",
        "Only who had the right that day has acted for a child",
    ),
    Promise(
        "INV-21",
        "Мерзімі өткен жеке деректер сақталмайды",
        "Нет персональных данных старше срока хранения",
        "No personal data past its retention date",
    ),
    Promise(
        "INV-22",
        "Сервер тоқ өшсе де дерек жоғалтпайтындай бапталған",
        "Сервер настроен так, что отключение света ничего не теряет",
        "The server is set so that a power cut loses nothing",
    ),
    Promise(
        "LEDGER-13",
        "Бюджеттің әр жолында қанша бөлінсе, шоттарда сонша",
        "По каждой строке бюджета: сколько выделено, столько и на счетах",
        "On each budget line the accounts hold exactly what was given",
    ),
    Promise(
        "MONEY-TRAIL",
        "Әр теңге түсіндірілген: шоттар мен құжаттар тиынға дейін тең, мөрленген күндер өзгермеген",
        "Каждый тенге объяснён: счета и документы сходятся до тиына, запечатанные дни не изменены",
        "Every tenge is explained: accounts and documents agree to the tiyn, sealed days are unchanged",
    ),
)
