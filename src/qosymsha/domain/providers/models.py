"""Providers, accreditation, contracts, venues, offerings, groups, timetable."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from qosymsha.domain.people.models import Territory, User
from qosymsha.domain.programmes.models import Activity, BudgetLine, Programme
from qosymsha.kernel.entropy import uuid4

LIVE_ACCREDITATION = ["filed", "in_review", "accredited", "limited"]


class Provider(models.Model):
    """A legal entity (by BIN) or a sole trader (by IIN, which stands in `person_secret` under subject kind `provider`).

    no_pii for companies; a sole trader's name is pii and stands in secrets, `name` then holds the trade name.
    Retention: a sole trader: ten years after the last payment, then the secrets row is destroyed.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT)
    legal_form = models.TextField()
    bin = models.CharField(max_length=12, null=True, unique=True)
    name = models.TextField()
    folded = models.TextField(default="")
    iban = models.TextField(blank=True)
    iban_changed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "provider"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(legal_form="company", bin__isnull=False)
                | models.Q(legal_form="sole_trader", bin__isnull=True),
                name="provider_bin_of_company",
            )
        ]


class Accreditation(models.Model):
    """A provider's accreditation for a programme: filed → in_review → accredited ⇄ limited → expired | revoked.

    `kinds` are those the provider wants to teach (they decide which papers are asked for), `grounds` codes of reasons.
    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    state = models.TextField()
    valid = DateRangeField(null=True)
    filed_at = models.DateTimeField()
    review_by = models.DateField()
    decided_by = models.BigIntegerField(null=True)
    reason = models.TextField(blank=True)
    grounds = ArrayField(models.TextField(), default=list, db_default=[])
    kinds = ArrayField(models.TextField(), default=list, db_default=[])

    class Meta:
        db_table = "accreditation"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="accreditation_place"),
            models.UniqueConstraint(
                fields=["provider", "programme"],
                condition=models.Q(state__in=LIVE_ACCREDITATION),
                name="accreditation_one_live",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[*LIVE_ACCREDITATION, "refused", "expired", "revoked"])
                & (~models.Q(state__in=["accredited", "limited"]) | models.Q(valid__isnull=False)),
                name="accreditation_state",
            ),
        ]


class AccreditationHistory(models.Model):
    """Each step of an accreditation's life; insert-only.

    no_pii. Retention: for ever: no person stands in it.
    """

    accreditation = models.ForeignKey(Accreditation, on_delete=models.PROTECT)
    from_state = models.TextField()
    to_state = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()
    reason = models.TextField(blank=True)
    grounds = ArrayField(models.TextField(), default=list, db_default=[])

    class Meta:
        db_table = "accreditation_history"


class AccreditationAnswer(models.Model):
    """What the provider answers to a review's reasons, in words; insert-only.

    no_pii: the provider's words about its papers. Retention: for ever: no person stands in it.
    """

    accreditation = models.ForeignKey(Accreditation, on_delete=models.PROTECT)
    words = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "accreditation_answer"
        constraints = [models.CheckConstraint(condition=~models.Q(words=""), name="accreditation_answer_says")]


class Evidence(models.Model):
    """A paper of an accreditation (premises, sanitary, fire, teachers' checks) with its number and expiry.

    no_pii: numbers of papers. Retention: for ever: no person stands in it.
    """

    accreditation = models.ForeignKey(Accreditation, on_delete=models.PROTECT)
    kind = models.TextField()
    number = models.TextField()
    valid = DateRangeField()
    file_hash = models.BinaryField(null=True)
    document_uuid = models.UUIDField(null=True)
    filed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accreditation_evidence"


class Contract(models.Model):
    """Akimat ↔ provider for a budget line and year, with its volume: money is paid only inside it.

    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT)
    volume_tiyn = models.BigIntegerField()
    valid = DateRangeField()
    state = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        db_table = "contract"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="contract_place"),
            ExclusionConstraint(
                name="contract_one_at_a_time",
                expressions=[
                    ("provider", RangeOperators.EQUAL),
                    ("line", RangeOperators.EQUAL),
                    ("valid", RangeOperators.OVERLAPS),
                ],
                condition=models.Q(state="signed"),
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["signed", "ended"], volume_tiyn__gt=0), name="contract_sane"
            ),
        ]


class Venue(models.Model):
    """Where lessons take place: a district, an address in two languages, how many children it may hold.

    Degrees of latitude and longitude where somebody has given them, both or neither.
    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    district = models.ForeignKey(Territory, on_delete=models.PROTECT)
    address_kk = models.TextField()
    address_ru = models.TextField()
    capacity = models.IntegerField()
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    adaptations = ArrayField(models.TextField(), default=list, db_default=[])

    class Meta:
        db_table = "venue"
        constraints = [
            models.UniqueConstraint(fields=["provider", "district", "address_ru"], name="venue_once"),
            models.CheckConstraint(condition=models.Q(capacity__gt=0), name="venue_sane"),
            models.CheckConstraint(
                condition=models.Q(latitude__isnull=True, longitude__isnull=True)
                | models.Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="venue_on_earth",
            ),
        ]


class Offering(models.Model):
    """What a provider offers: an activity under a contract.

    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT)
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT)

    class Meta:
        db_table = "offering"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="offering_place"),
            models.UniqueConstraint(fields=["contract", "activity"], name="offering_once"),
        ]


class ClubGroup(models.Model):
    """A group of an offering: capacity, ages, language, the tariff per unit that the contract fixed (tiyn), its days.

    `adds_tiyn`: what a family adds a month; `mode`: on_site, blended or online.
    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    kind = models.TextField()
    code = models.TextField()
    language = models.CharField(max_length=2)
    age_min = models.IntegerField()
    age_max = models.IntegerField()
    capacity = models.IntegerField()
    unit_tariff_tiyn = models.BigIntegerField()
    units_per_month = models.IntegerField()
    is_adapted = models.BooleanField(default=False)
    adds_tiyn = models.BigIntegerField(default=0, db_default=0)
    mode = models.TextField(default="on_site", db_default="on_site")
    valid = DateRangeField()
    state = models.TextField()

    class Meta:
        db_table = "club_group"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="club_group_place"),
            models.UniqueConstraint(fields=["provider", "code"], name="club_group_code_once"),
            models.CheckConstraint(
                condition=models.Q(
                    capacity__gt=0,
                    age_min__lte=models.F("age_max"),
                    unit_tariff_tiyn__gt=0,
                    units_per_month__gt=0,
                    state__in=["open", "closed"],
                ),
                name="club_group_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(adds_tiyn__gte=0, mode__in=["on_site", "blended", "online"]), name="club_group_terms"
            ),
        ]


class ClubCard(models.Model):
    """What the public catalogue looks through: one narrow row for each open group.

    `weekdays` has bit 1 for Monday to bit 64 for Sunday; `starts`, `ends` are the earliest and latest minute of a day;
    `east_km`, `north_km` say where on the country's plane (rules.plane), the district's centre where no more is known.
    no_pii. Retention: until the group closes.
    """

    group = models.OneToOneField(ClubGroup, primary_key=True, on_delete=models.PROTECT)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, db_index=False)
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField()
    district = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    language = models.CharField(max_length=2)
    age_min = models.SmallIntegerField()
    age_max = models.SmallIntegerField()
    weekdays = models.SmallIntegerField()
    starts = models.SmallIntegerField()
    ends = models.SmallIntegerField()
    is_adapted = models.BooleanField()
    first_day = models.DateField()
    last_day = models.DateField(null=True)
    capacity = models.IntegerField()
    east_km = models.FloatField(null=True)
    north_km = models.FloatField(null=True)
    words = ArrayField(models.TextField())
    sort_kk = models.TextField(db_collation="C")
    sort_ru = models.TextField(db_collation="C")
    sort_en = models.TextField(db_collation="C")

    class Meta:
        db_table = "club_card"
        indexes = [
            models.Index(fields=["programme", "sort_kk", "group"], name="club_card_kk"),
            models.Index(fields=["programme", "sort_ru", "group"], name="club_card_ru"),
            models.Index(fields=["programme", "sort_en", "group"], name="club_card_en"),
            models.Index(fields=["programme", "first_day", "group"], name="club_card_soon"),
            models.Index(fields=["programme", "activity", "district"], name="club_card_activity"),
            GinIndex(fields=["words"], name="club_card_words"),
        ]


class ClubWord(models.Model):
    """The folded words of all cards, so that a typed word with a slip finds those it may mean. Words are only added.

    `latin` is the word in plain Latin letters (rules.latin).
    no_pii. Retention: for ever.
    """

    word = models.TextField(primary_key=True, db_collation="C")
    latin = models.TextField(db_collation="C")

    class Meta:
        db_table = "club_word"
        indexes = [
            models.Index(fields=["latin"], name="club_word_latin"),
            GinIndex(fields=["latin"], opclasses=["gin_trgm_ops"], name="club_word_trigrams"),
        ]


class Teacher(models.Model):
    """Somebody who teaches, at one provider or several: one row a person, so that nobody is in two places at once.

    The person is in `person_secret` under subject kind `teacher`.

    no_pii: ids. Retention: ten years after the last lesson, then the secrets row is destroyed.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT)

    class Meta:
        db_table = "teacher"


class Engagement(models.Model):
    """That somebody works for a provider on these days, told by its manager; an ended one outweighs the timetable.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    teacher = models.ForeignKey(Teacher, on_delete=models.PROTECT)
    valid = DateRangeField()
    told_at = models.DateTimeField()
    told_by = models.BigIntegerField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.BigIntegerField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        db_table = "engagement"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "teacher"], condition=models.Q(ended_at__isnull=True), name="engagement_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_by__isnull=False) & ~models.Q(reason=""),
                name="engagement_ended_by_somebody",
            ),
        ]


class TimetableSlot(models.Model):
    """A weekly lesson of a group: ISO weekday, local times, teacher, its days; its own hall, None: the group's.

    A teacher can't be in two places, a group has one lesson a day at most: exclusions in migration 0002.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT)
    teacher = models.ForeignKey(Teacher, on_delete=models.PROTECT)
    venue = models.ForeignKey(Venue, null=True, on_delete=models.PROTECT)
    weekday = models.SmallIntegerField()
    starts = models.TimeField()
    ends = models.TimeField()
    valid = DateRangeField()

    class Meta:
        db_table = "timetable_slot"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(weekday__gte=1, weekday__lte=7, starts__lt=models.F("ends")),
                name="timetable_slot_sane",
            )
        ]
