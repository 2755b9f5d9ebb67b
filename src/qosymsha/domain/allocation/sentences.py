"""The sentences of `explain` in Kazakh, Russian and English; each language has the same codes and figures."""

SENTENCES: dict[str, dict[str, str]] = {
    "kk": {
        "granted_open": (
            "Ваучер берілді: «{segment}» бойынша кезекте {rank}-орын, барлығы {places} орын, жалпы орындардан."
        ),
        "granted_reserve": (
            "Ваучер берілді: «{segment}» бойынша «{category}» санатына бөлінген орындардан; кезекте {rank}-орын."
        ),
        "waiting": (
            "Ваучер әзірге берілмеді: «{segment}» бойынша кезекте {rank}-орын, {places} орын бар; күту тізімінде "
            "{waiting_rank}-орын."
        ),
        "duplicate_child": (
            "Өтінім («{segment}») қабылданбады: осы турда баланың бұдан жоғары тұрған басқа өтінімі бар, тек "
            "соның бірі есептеледі."
        ),
        "unknown_segment": "Өтінім қабылданбады: «{segment}» деген бағыт бұл турда жоқ.",
        "tiers": (
            "Алдымен санаттардың реті қаралады: өтінім {tier}-санатта, алдыңғы санаттардың бәрі бұдан бұрын тұрады."
        ),
        "tie_lottery": "{tier}-санаттың ішінде ретті жеребе нөмірі анықтайды: бұл өтінім санат ішінде {k}-орында.",
        "tie_arrived": "{tier}-санаттың ішінде ретті берілген уақыт анықтайды: бұл өтінім санат ішінде {k}-орында.",
        "iterations": (
            "{tier}-санаттың коэффициенті {coefficient}: әр айналымда осынша өтінім алынады, сондықтан {k}-өтінім "
            "{iteration}-айналымда тұр."
        ),
        "ahead": "Алдында тұрған өтінім: {ahead}, олардың ішінде ваучер алғаны: {granted}.",
        "ahead_of_tier": "Алдында тұрғандар, {tier}-санат: {count}.",
        "needs_places": (
            "Ваучер алу үшін «{segment}» бойынша {waiting_rank} орын босауы керек (бөлінген орындар алдымен өз "
            "санатына беріледі)."
        ),
        "needs_places_and_budget": (
            "Ваучер алу үшін «{segment}» бойынша {waiting_rank} орын босап, ортақ бюджетте оларға қаражат болуы керек."
        ),
    },
    "ru": {
        "granted_open": "Ваучер выдан: в очереди «{segment}» место {rank}, всего мест {places}, из общих мест.",
        "granted_reserve": (
            "Ваучер выдан: «{segment}», из мест, отведённых категории «{category}»; место в очереди {rank}."
        ),
        "waiting": (
            "Ваучер пока не выдан: в очереди «{segment}» место {rank}, мест всего {places}; в листе ожидания "
            "место {waiting_rank}."
        ),
        "duplicate_child": (
            "Заявка («{segment}») отклонена: у ребёнка в этом туре есть другая, стоящая выше; учитывается только одна."
        ),
        "unknown_segment": "Заявка отклонена: направления «{segment}» в этом туре нет.",
        "tiers": (
            "Сначала учитывается порядок категорий: заявка в категории {tier}, все предыдущие категории стоят раньше."
        ),
        "tie_lottery": "Внутри категории {tier} порядок определяет номер жеребьёвки: эта заявка в ней {k}-я.",
        "tie_arrived": "Внутри категории {tier} порядок определяет время подачи: эта заявка в ней {k}-я.",
        "iterations": (
            "Коэффициент категории {tier} равен {coefficient}: столько заявок берётся за один круг, поэтому "
            "{k}-я стоит в круге {iteration}."
        ),
        "ahead": "Впереди стоит заявок: {ahead}, из них получили ваучер: {granted}.",
        "ahead_of_tier": "Впереди из категории {tier}: {count}.",
        "needs_places": (
            "Чтобы получить ваучер, в «{segment}» должно освободиться мест: {waiting_rank} (отведённые сначала "
            "получает своя категория)."
        ),
        "needs_places_and_budget": (
            "Чтобы получить ваучер, в «{segment}» должно освободиться мест: {waiting_rank}, и на них должны быть "
            "деньги в общем бюджете."
        ),
    },
    "en": {
        "granted_open": (
            "A voucher is granted: place {rank} in the queue of “{segment}”, which has {places} places; from the "
            "open places."
        ),
        "granted_reserve": (
            "A voucher is granted: “{segment}”, from the places reserved for “{category}”; place {rank} in the queue."
        ),
        "waiting": (
            "No voucher yet: place {rank} in the queue of “{segment}”, which has {places} places; place "
            "{waiting_rank} on the waiting list."
        ),
        "duplicate_child": (
            "The application (“{segment}”) is rejected: the child has another one in this round that stands "
            "higher; only one counts."
        ),
        "unknown_segment": "The application is rejected: this round has no “{segment}”.",
        "tiers": (
            "The order of categories comes first: the application is in category {tier}, and all earlier "
            "categories stand before it."
        ),
        "tie_lottery": "Inside category {tier} the lottery number decides: this application is number {k} there.",
        "tie_arrived": "Inside category {tier} the time of filing decides: this application is number {k} there.",
        "iterations": (
            "Category {tier} has coefficient {coefficient}: so many are taken in each iteration, and number {k} "
            "stands in iteration {iteration}."
        ),
        "ahead": "Applications before it: {ahead}; of these {granted} were granted a voucher.",
        "ahead_of_tier": "Before it, of category {tier}: {count}.",
        "needs_places": (
            "For a voucher, {waiting_rank} places must become free in “{segment}” (reserved ones go to their "
            "category first)."
        ),
        "needs_places_and_budget": (
            "For a voucher, {waiting_rank} places must become free in “{segment}”, and the shared budget must "
            "have money for them."
        ),
    },
}
