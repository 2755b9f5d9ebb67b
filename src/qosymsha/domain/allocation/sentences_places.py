"""The sentences of `explain_places` in Kazakh, Russian and English; each language has the same codes and figures."""

YES_NO: dict[str, tuple[str, str]] = {"kk": ("жоқ", "иә"), "ru": ("нет", "да"), "en": ("no", "yes")}

CRITERIA: dict[str, dict[str, str]] = {
    "kk": {"tier": "санаты", "sibling": "аға-інісі не әпке-сіңлісі осы топта", "district": "өз ауданы"},
    "ru": {"tier": "категория", "sibling": "брат или сестра уже в группе", "district": "свой район"},
    "en": {"tier": "category", "sibling": "a brother or sister is in the group", "district": "own district"},
}

SENTENCES: dict[str, dict[str, str]] = {
    "kk": {
        "placed": "Орын берілді: «{group}», бұл {rank}-тілек.",
        "unplaced": "Орын берілмеді: тілектердің ешқайсысы орындалмады.",
        "no_wish": "Орын берілмеді: бұл турда бар бірде-бір топ аталмаған.",
        "came_true": "{rank}-тілек, «{group}»: топ тізімінде {line} баланың ішінде {position}-орын, бала қабылданды.",
        "full": (
            "{rank}-тілек, «{group}»: топ тізімінде {line} баланың ішінде {position}-орын; топта {places} орын бар, "
            "алда тұрғандардың {before} баласы қабылданды."
        ),
        "by_criteria": "Топтағы реттің негізі: {own}; теңдерді жеребе нөмірі реттейді.",
        "by_lottery": "Топтағы ретті жеребе нөмірі анықтайды.",
        "by_own_list": "Бұл топтың өз тізімі бар, реттің басқа негізі жоқ.",
        "last_taken": "Соңғы қабылданған бала топ тізімінде {last}-орында тұр.",
        "nobody_taken": "Бұл топқа ешкім қабылданбады.",
        "taken_behind": (
            "Тізімде артта тұрғандардың {behind} баласы қабылданды: санаттарға бөлінген орындар алдымен сол санаттарға "
            "беріледі."
        ),
        "needs_free": (
            "Осы топқа кіру үшін күтушілер арасындағы реті: {waiting}. Осы балаға жарайтын сонша орын босауы керек."
        ),
        "wrong_age": "{rank}-тілек, «{group}»: баланың жасы топқа сай емес (топ {least} пен {most} жас аралығына).",
        "not_listed": "{rank}-тілек, «{group}»: бала топтың өз тізімінде жоқ.",
        "later_wishes": "Кейінгі тілектерге кезек келмеді, олардың саны: {count}.",
    },
    "ru": {
        "placed": "Место есть: «{group}», это пожелание № {rank}.",
        "unplaced": "Места нет: ни одно из пожеланий не исполнилось.",
        "no_wish": "Места нет: не названо ни одной группы, которая есть в этом туре.",
        "came_true": "Пожелание № {rank}, «{group}»: место {position} в списке группы из {line}, ребёнок принят.",
        "full": (
            "Пожелание № {rank}, «{group}»: место {position} в списке группы из {line}; мест в группе {places}, из "
            "стоящих впереди принято: {before}."
        ),
        "by_criteria": "Порядок в группе определяют: {own}; равных делит номер жеребьёвки.",
        "by_lottery": "Порядок в группе определяет номер жеребьёвки.",
        "by_own_list": "У этой группы свой список, другого порядка у неё нет.",
        "last_taken": "Последний принятый стоит в списке группы на месте {last}.",
        "nobody_taken": "В эту группу не принят никто.",
        "taken_behind": (
            "Из стоящих в списке позади принято: {behind}: отведённые категориям места сначала получают эти категории."
        ),
        "needs_free": (
            "Чтобы попасть в эту группу: среди ожидающих место {waiting}; столько мест, подходящих этому ребёнку, "
            "должно освободиться."
        ),
        "wrong_age": "Пожелание № {rank}, «{group}»: возраст не подходит (группа для возраста от {least} до {most}).",
        "not_listed": "Пожелание № {rank}, «{group}»: ребёнка нет в собственном списке группы.",
        "later_wishes": "До следующих пожеланий очередь не дошла, их число: {count}.",
    },
    "en": {
        "placed": "A place: “{group}”, wish number {rank}.",
        "unplaced": "No place: none of the wishes came true.",
        "no_wish": "No place: no group of this round was named.",
        "came_true": "Wish {rank}, “{group}”: place {position} on the group's list of {line}; the child is taken.",
        "full": (
            "Wish {rank}, “{group}”: place {position} on the group's list of {line}; places in the group: {places}; "
            "taken of those who stand before: {before}."
        ),
        "by_criteria": "The group's order looks at: {own}; the lottery number parts equal ones.",
        "by_lottery": "The lottery number alone makes the group's order.",
        "by_own_list": "This group has a list of its own and no other order.",
        "last_taken": "The last one taken stands at place {last} on the group's list.",
        "nobody_taken": "Nobody was taken by this group.",
        "taken_behind": (
            "Taken of those who stand behind: {behind}; places reserved for categories go to those categories first."
        ),
        "needs_free": (
            "To get into this group: place {waiting} among those who wait; as many places that suit this child must "
            "become free."
        ),
        "wrong_age": "Wish {rank}, “{group}”: the age does not fit (the group is for ages {least} to {most}).",
        "not_listed": "Wish {rank}, “{group}”: the child is not on the group's own list.",
        "later_wishes": "Later wishes were not needed; there are {count}.",
    },
}
