"""Choice rounds, lists of wishes, the frozen list, outcomes, offers of freed places, positions that got worse."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from qosymsha.domain.choice.states import ChoiceRoundState, ListState, OfferState
from qosymsha.domain.people.models import Child, Guardian, Territory
from qosymsha.domain.programmes.models import Programme, RuleSet
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel.entropy import uuid4

RUNNING_ROUND = ["open", "closed", "drawn"]


class ChoiceRound(models.Model):
    """A window for lists of wishes and its one draw: planned → open → closed → drawn → allocated → published.

    Or cancelled before its draw; `cancel_reason` is public.

    The beacon is named before opening; `root` is published at close, `seed` after the draw. `terms` is leaf 0 of the
    closed list: criteria and groups with their places. Written once, by trigger.
    no_pii. Retention: for ever.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    starts_on = models.DateField()
    beacon_name = models.TextField()
    beacon_value = models.BinaryField(null=True)
    root = models.BinaryField(null=True)
    seed = models.BinaryField(null=True)
    terms = models.TextField(blank=True)
    output_hash = models.BinaryField(null=True)
    closed_at = models.DateTimeField(null=True)
    drawn_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(blank=True, default="")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "choice_round"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="choice_round_place"),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(state__in=RUNNING_ROUND), name="choice_round_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in ChoiceRoundState]) & Q(closes_at__gt=models.F("opens_at")),
                name="choice_round_sane",
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled", cancelled_at__isnull=False) & ~Q(cancel_reason="")
                | ~Q(state="cancelled") & Q(cancelled_at__isnull=True, cancel_reason=""),
                name="choice_round_cancelled",
            ),
        ]


class ChoiceRoundHistory(models.Model):
    """Each step of a choice round's life, each state entered at most once; insert-only.

    no_pii. Retention: for ever.
    """

    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    from_state = models.TextField()
    to_state = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "choice_round_history"
        constraints = [models.UniqueConstraint(fields=["round", "to_state"], name="choice_round_history_state_once")]


class ChoiceSecret(models.Model):
    """A party's commitment before opening, and its secret revealed at the draw.

    no_pii. Retention: for ever.
    """

    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    party = models.TextField()
    commitment = models.BinaryField()
    secret = models.BinaryField(null=True)

    class Meta:
        db_table = "choice_secret"
        constraints = [models.UniqueConstraint(fields=["round", "party"], name="choice_secret_party_once")]


class ChoiceList(models.Model):
    """A voucher's list of wished groups in a round, the most wanted first; its life is in `states.ListState`.

    `line_id` is SHA-256("line" 00 ticket); the ticket stands sealed in `person_secret` (kind `choice_list`). `group` is
    where the child is placed, as this room last saw it.
    pii: a child's wishes; reads are audited. Retention: with the child: then its ticket is destroyed, the line is
    nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT, db_index=False)
    line_id = models.BinaryField()
    wishes = ArrayField(models.BigIntegerField())
    state = models.TextField()
    reason = models.TextField(blank=True)
    group = models.ForeignKey(ClubGroup, null=True, on_delete=models.PROTECT, db_index=False)

    class Meta:
        db_table = "choice_list"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="choice_list_place"),
            models.UniqueConstraint(fields=["round", "voucher"], name="choice_list_once"),
            models.UniqueConstraint(fields=["round", "line_id"], name="choice_list_line_once"),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in ListState])
                & (~Q(state="rejected") | ~Q(reason=""))
                & (~Q(state="placed") | Q(group__isnull=False)),
                name="choice_list_state",
            ),
        ]


class ChoiceListHistory(models.Model):
    """Each step of a list's life with its cause: filed, replaced, placed, moved, place lost; insert-only.

    pii: the wishes as they were filed. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    choice_list = models.ForeignKey(ChoiceList, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    wishes = ArrayField(models.BigIntegerField(), null=True)
    group_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "choice_list_history"
        constraints = [models.UniqueConstraint(fields=["choice_list", "seq"], name="choice_list_history_seq")]


class ChoiceLine(models.Model):
    """The closed list: one canonical line and its salted leaf per list, in the order of line ids; insert-only.

    pii: tier, age and wishes under a pseudonym; for sworn auditors only. Retention: for ever.
    """

    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT, db_index=False)
    position = models.IntegerField()
    choice_list = models.OneToOneField(ChoiceList, on_delete=models.PROTECT)
    line = models.TextField()
    leaf = models.BinaryField()

    class Meta:
        db_table = "choice_line"
        constraints = [models.UniqueConstraint(fields=["round", "position"], name="choice_line_position")]


class ChoiceOutcome(models.Model):
    """What the run gave a list: its number, its group and which wish that was (1 is the first); insert-only.

    no_pii: ids. Retention: for ever.
    """

    choice_list = models.OneToOneField(ChoiceList, primary_key=True, on_delete=models.PROTECT)
    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    number = models.BinaryField()
    group = models.ForeignKey(ClubGroup, null=True, on_delete=models.PROTECT, db_index=False)
    wish = models.IntegerField(null=True)

    class Meta:
        db_table = "choice_outcome"
        constraints = [
            models.CheckConstraint(
                condition=Q(group__isnull=True, wish__isnull=True) | Q(group__isnull=False, wish__gte=1),
                name="choice_outcome_sane",
            )
        ]


class ChoiceEntry(models.Model):
    """A wish on its group's list as the run ordered it: `place` from 1 on the group's list, `wish` from 1 on the
    child's; insert-only. What freed places are offered by, without reading the whole round again.

    pii: a child's wishes, by ids; reads are audited. Retention: at least ten years; ids stay, nobody's once the
    person is erased.
    """

    # Six rows a child, all written by the run itself: keys checked row by row would cost more than the run (INV-17).
    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    place = models.IntegerField()
    choice_list = models.ForeignKey(ChoiceList, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    wish = models.IntegerField()

    class Meta:
        db_table = "choice_entry"
        constraints = [
            models.UniqueConstraint(fields=["round", "group", "place"], name="choice_entry_place_once"),
            models.UniqueConstraint(fields=["choice_list", "group"], include=["wish"], name="choice_entry_wish_once"),
            models.CheckConstraint(condition=Q(place__gte=1, wish__gte=1), name="choice_entry_sane"),
        ]


class ChoiceCutoff(models.Model):
    """A group after the run: its places, how many of them reserved, how many wished it, how many it took, whose line
    stands last; insert-only.

    no_pii: the last line's pseudonym, restricted. Retention: for ever.
    """

    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    places = models.IntegerField()
    reserved = models.IntegerField(default=0)
    wished = models.IntegerField()
    taken = models.IntegerField()
    last_line_id = models.BinaryField(null=True)

    class Meta:
        db_table = "choice_cutoff"
        constraints = [
            models.UniqueConstraint(fields=["round", "group"], name="choice_cutoff_once"),
            models.CheckConstraint(condition=Q(taken__lte=models.F("places")), name="choice_cutoff_sane"),
        ]


class ChoiceOffer(models.Model):
    """A freed place offered to one child; while `offered` it holds a seat. Answered by a day, in working days.

    `left_group_id` is the place the child gave up by accepting. no_pii: ids. Retention: at least ten years; ids
    stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    choice_list = models.ForeignKey(ChoiceList, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT)
    state = models.TextField()
    made_at = models.DateTimeField()
    answer_by = models.DateField()
    left_group_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "choice_offer"
        indexes = [models.Index(fields=["choice_list", "group"], name="choice_offer_list")]
        constraints = [
            models.UniqueConstraint(
                fields=["choice_list", "group"], condition=Q(state="offered"), name="choice_offer_once"
            ),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in OfferState]), name="choice_offer_state"),
        ]


class ChoiceOfferHistory(models.Model):
    """Each step of an offer's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    choice_offer = models.ForeignKey(ChoiceOffer, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "choice_offer_history"
        constraints = [models.UniqueConstraint(fields=["choice_offer", "seq"], name="choice_offer_history_seq")]


class ChoiceSetback(models.Model):
    """A position on a group's list that got worse, with the one cause there can be: somebody before it lost a place.

    `because_of` is the list whose child came back to the line. no_pii: ids. Insert-only. Retention: at least ten
    years; ids stay, nobody's once the person is erased.
    """

    round = models.ForeignKey(ChoiceRound, on_delete=models.PROTECT)
    choice_list = models.ForeignKey(ChoiceList, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    was = models.IntegerField()
    became = models.IntegerField()
    cause = models.TextField()
    because_of = ArrayField(models.BigIntegerField())
    at = models.DateTimeField()

    class Meta:
        db_table = "choice_setback"
        constraints = [models.CheckConstraint(condition=Q(became__gt=models.F("was")), name="choice_setback_worse")]
