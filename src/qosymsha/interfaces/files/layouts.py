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
    Column("latitude", "широта|ендік|lat", "51.1283", "the venue's degrees north; blank: the district's middle"),
    Column("longitude", "долгота|бойлық|lon|lng", "71.4305", "the venue's degrees east; both or neither"),
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
    Column("kind", "кем приходится|статус представителя|кім болып келеді", "", "parent, guardian, foster or body"),
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

MARKS = (
    Column(
        "provider", "бин|бсн|bin|бин поставщика|бин/иин|жсн/бсн", "251340000003", "BIN or IIN of the provider", True
    ),
    Column("group", "код группы|группа|топ|топ коды|код|code", "D-1", "the provider's own group code", True),
    Column(
        "child",
        "иин ребенка|бала жсн|баланың жсн|жсн бала|child iin|ребенок|бала",
        "150301700001",
        "child's IIN; with --create-missing any code of the file's own",
        True,
    ),
    Column("date", "дата|день|күні|күн|сабақ күні|day", "2026-09-03", "the lesson's day", True),
    Column(
        "mark",
        "отметка|посещение|статус|белгі|қатысу|value",
        "present",
        "present, absent, ill, excused (есть/нет/болел/уважит, бар/жоқ/ауру/себепті; 1/0)",
        True,
    ),
    Column("starts", "начало|начало занятия|басталуы|сабақ басталуы|time", "15:00", "the lesson's beginning"),
    Column("ends", "конец|окончание|конец занятия|аяқталуы|сабақ аяқталуы", "16:00", "the lesson's end"),
    Column(
        "marked_at", "время отметки|отмечено|белгіленген уақыты", "2026-09-03 15:07:10", "when the server got the mark"
    ),
    Column("recorded_at", "время на устройстве|құрылғы уақыты", "", "when the marking device says it was made"),
    Column("mark_device", "устройство отметки|белгі құрылғысы", "tablet-7", "the device that marked: any word for it"),
    Column(
        "mark_network", "сеть отметки|белгі желісі|mark ip", "10.1.2.3", "the network it marked from: address or word"
    ),
    Column(
        "scan_at", "время сканирования|считано|сканерлеу уақыты", "2026-09-03 14:58:31", "the family's scan of the code"
    ),
    Column("scan_device", "устройство сканирования|сканерлеу құрылғысы", "phone-9", "the device that read the code"),
    Column("scan_network", "сеть сканирования|сканерлеу желісі|scan ip", "", "the network it was read from"),
    Column("scan_device_kind", "вид устройства сканирования", "", "`point` for a registered shared device; else blank"),
    Column("card", "карта|карточка|карта считана", "", "the child's card was read: yes, or the instant"),
    Column(
        "confirmed_at",
        "время подтверждения|подтверждено|растау уақыты",
        "2026-10-02 20:11:05",
        "when the guardian confirmed the child's month (the same on each row of the month)",
    ),
    Column("confirm_device", "устройство подтверждения|растау құрылғысы", "phone-9", "the device that confirmed"),
    Column("confirm_network", "сеть подтверждения|растау желісі|confirm ip", "", "the network it confirmed from"),
    Column(
        "confirm_device_kind", "вид устройства подтверждения", "", "`point` for a registered point's device; else blank"
    ),
    Column(
        "guardian",
        "иин родителя|ата-ана жсн|родитель|ата-ана|guardian iin",
        "881107900004",
        "guardian's IIN, or with --create-missing a code: tells which children are one family",
    ),
    Column(
        "home",
        "район проживания|тұратын ауданы|домашний като|home kato",
        "711110000",
        "the child's home: KATO or district",
    ),
    Column("venue", "помещение|зал|ғимарат|адрес|мекенжай", "Hall 2", "where: any word that is the same for one room"),
    Column("district", "район|аудан|като|kato|venue kato", "711110000", "the venue's KATO or district"),
    Column("capacity", "вместимость|мест|орын|орын саны", "15", "how many the room or group may hold"),
    Column("teacher", "педагог|тренер|мұғалім|иин педагога", "T-5", "the teacher's IIN or code"),
    Column(
        "elsewhere",
        "где был|другой реестр|басқа жерде|away",
        "",
        "where another register has the child that day: abroad, hospital, ill, school, notice",
    ),
    Column(
        "child_ref", "код ребенка|бала коды|child code", "c-17", "your own word for the child, given back with a flag"
    ),
    Column(
        "ref",
        "номер строки|код строки|жол коды|row id",
        "r-1",
        "your own word for the row, given back; blank: its number",
    ),
)

LAYOUTS = {
    "providers": PROVIDERS,
    "groups": GROUPS,
    "guardians": GUARDIANS,
    "applications": APPLICATIONS,
    "budget": BUDGET,
    "marks": MARKS,
}
