"""The rosters we read: their columns, the headers cities use for them, an example row each (docs/guides/rosters.md)."""

from __future__ import annotations

from qosymsha.interfaces.files.columns import Column

_PROOF = Column(
    "proof",
    "основание|документ|негіздеме|дәлел|evidence",
    "act of birth 12-345",
    "the paper that proves it; trial only",
)

PROVIDERS = (
    Column("number", "бин|бсн|bin|иин/бин|бин/иин|бин (иин)|жсн/бсн|иин|жсн|iin", "251340000003", "BIN or IIN", True),
    Column("name", "название|наименование|атауы|организация|поставщик|жеткізуші|ұйым", "Dombyra club", "name", True),
    Column("iban", "счет|иик|жск|номер счета|шот|есепшот", "KZ90999TEST000000001", "account in KZ; payments need it"),
    Column("owner_surname", "фамилия ип|фамилия руководителя|фамилия владельца|иесінің тегі", "", "sole traders"),
    Column("owner_given", "имя ип|имя руководителя|имя владельца|иесінің аты", "", "sole traders must name it"),
    Column("owner_patronymic", "отчество ип|отчество руководителя|иесінің әкесінің аты", "", "sole traders"),
    Column("phone", "телефон|моб телефон|ұялы телефон|байланыс телефоны", "+7 701 000 00 01", "sole trader's phone"),
    Column("premises", "помещение|договор аренды|үй-жай|ғимарат", "lease 14", "paper's number: premises"),
    Column(
        "sanitary", "сэс|санитарное заключение|санитарлық қорытынды|санитарлық", "san 77", "paper's number: sanitary"
    ),
    Column("fire", "пожарное заключение|пожарная безопасность|өрт қауіпсіздігі|өрт", "fire 9", "paper's number: fire"),
    Column(
        "teachers", "справки педагогов|педагоги|мұғалімдер|педагогтар", "checks 3", "paper's number: teachers' checks"
    ),
    Column("first_aid", "первая помощь|сертификат первой помощи|алғашқы көмек", "", "paper's number: first aid"),
    Column("papers_from", "документы с|құжаттар басталуы", "", "the papers' first day; blank: 1 January"),
    Column("papers_until", "документы до|срок документов|құжаттар мерзімі", "31.12.2026", "the papers' last day"),
    Column("volume_creative", "объем творческий|шығармашылық көлемі", "3 000 000", "contract's volume in tenge"),
    Column("volume_sport", "объем спортивный|спорт көлемі", "", "contract's volume in tenge"),
    Column("volume_educational", "объем образовательный|білім беру көлемі", "", "contract's volume in tenge"),
)

GROUPS = (
    Column("provider", "бин|бсн|bin|бин/иин|жсн/бсн|иин поставщика|бин поставщика", "251340000003", "BIN or IIN", True),
    Column("code", "код|группа|код группы|топ|топ коды|номер группы", "D-1", "the provider's own code, once", True),
    Column("activity", "направление|вид|кружок|секция|бағыт|үйірме", "dombra", "direction: code or name", True),
    Column("language", "язык|тіл|язык обучения|оқыту тілі", "kk", "kk, ru or en"),
    Column("age_min", "возраст от|от лет|жастан|жас бастап", "7", "youngest, in years", True),
    Column("age_max", "возраст до|до лет|жасқа дейін", "12", "oldest, in years", True),
    Column("capacity", "мест|количество мест|вместимость|орын|орын саны", "15", "places", True),
    Column("tariff", "тариф|тариф за занятие|стоимость|тариф теңге", "1 900", "tenge per lesson", True),
    Column("lessons", "занятий в месяц|айына сабақ|сабақ саны", "8", "lessons a month", True),
    Column("first_day", "начало|дата начала|басталуы|басталу күні", "", "first day; blank: today"),
    Column("last_day", "окончание|дата окончания|аяқталуы|аяқталу күні", "", "last day; blank: the contract's"),
    Column("district", "район|аудан|като|kato", "Есіл ауданы", "the venue's district: name or KATO", True),
    Column("address", "адрес|мекенжай|мекен-жайы|адрес ru", "Мәңгілік Ел 10", "the venue's address", True),
    Column("venue_capacity", "вместимость помещения|зал вместимость|ғимарат сыйымдылығы", "40", "blank: the group's"),
    Column("timetable", "расписание|кесте|сабақ кестесі", "Mon 15:00-16:00; Wed 15:00-16:00", "lessons", True),
    Column("teacher_iin", "иин педагога|жсн педагога|иин тренера|мұғалім жсн", "820615900002", "teacher's IIN", True),
    Column("teacher_surname", "фамилия педагога|фамилия тренера|мұғалім тегі", "Омарова", "teacher"),
    Column("teacher_given", "имя педагога|имя тренера|мұғалім аты", "Айгүл", "teacher", True),
    Column("teacher_patronymic", "отчество педагога|отчество тренера|мұғалім әкесінің аты", "", "teacher"),
    Column("adapted", "адаптированная|бейімделген|инклюзив", "no", "made fit for special needs: yes or no"),
)

GUARDIANS = (
    Column("iin", "иин|жсн|иин родителя|ата-ана жсн|иин представителя", "881107900004", "guardian's IIN", True),
    Column("surname", "фамилия|тегі|фамилия родителя|ата-ана тегі", "Серікқызы", "guardian"),
    Column("given", "имя|аты|имя родителя|ата-ана аты|есімі", "Әлия", "guardian", True),
    Column("patronymic", "отчество|әкесінің аты|отчество родителя", "", "guardian"),
    Column("phone", "телефон|ұялы телефон|моб телефон|мобильный", "+7 701 000 00 02", "guardian"),
    Column("language", "язык|тіл", "kk", "language of letters: kk, ru, en"),
    Column("child_iin", "иин ребенка|жсн бала|бала жсн|баланың жсн", "150301700001", "child's IIN", True),
    Column("child_surname", "фамилия ребенка|бала тегі|баланың тегі", "Серік", "child"),
    Column("child_given", "имя ребенка|бала аты|баланың аты", "Нұрлан", "child", True),
    Column("child_patronymic", "отчество ребенка|баланың әкесінің аты", "", "child"),
    Column(
        "child_born", "дата рождения|дата рождения ребенка|туған күні|баланың туған күні", "01.03.2015", "day", True
    ),
    Column("district", "район|аудан|като|kato|район проживания|тұратын ауданы", "Есіл ауданы", "home: name or KATO"),
    Column("categories", "категории|категория|санат|санаттар|льгота", "", "codes or names, parted by ;"),
    Column("kind", "кем приходится|статус представителя|кім болып келеді", "", "parent, guardian or foster"),
    _PROOF,
)

APPLICATIONS = (
    Column(
        "guardian_iin", "иин родителя|ата-ана жсн|иин заявителя|иин|жсн|iin", "881107900004", "guardian's IIN", True
    ),
    Column("child_iin", "иин ребенка|бала жсн|баланың жсн|жсн бала", "150301700001", "child's IIN", True),
    Column("kind", "вид|направление|вид заказа|түрі|бағыт", "creative", "creative, sport or educational", True),
)

BUDGET = (
    Column("kind", "вид|вид заказа|түрі", "creative", "creative, sport or educational", True),
    Column("tenge", "сумма|сумма тенге|сома|сомасы|amount", "40 000 000", "tenge for the year; may be negative", True),
    Column("decision", "решение|основание|шешім|негіздеме", "maslikhat 12/1 of 20.12.2025", "the paper's name", True),
)

LAYOUTS = {
    "providers": PROVIDERS,
    "groups": GROUPS,
    "guardians": GUARDIANS,
    "applications": APPLICATIONS,
    "budget": BUDGET,
}
