"""Roles: who may be somebody here. Scope and days stand in `membership`."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The people of PRODUCT.md, and two doors that speak for many people at once."""

    OPERATOR = "operator"  # runs the installation
    PROGRAMME_OFFICER = "programme_officer"  # programmes, rule sets, rounds
    RULE_APPROVER = "rule_approver"  # the second person for rule sets
    CHECKER = "checker"  # statuses, accreditation, month rows
    APPROVER = "approver"
    PAYER = "payer"
    AUDITOR = "auditor"
    CLERK = "clerk"  # a consultation point: assisted filing
    CHANNEL = (
        "channel"  # a door that carries many guardians' words: each row names its guardian, whose right is checked
    )
    PROVIDER_MANAGER = "provider_manager"
    TEACHER = "teacher"
    GUARDIAN = "guardian"
    YOUTH = "youth"  # a child of 14 to 18 with an account of its own: looks, checks in, decides nothing
    SYSTEM = "system"


FAMILY = frozenset({Role.GUARDIAN, Role.YOUTH})  # the family's door; neither is appointed by anybody


class GuardianKind(StrEnum):
    """As what a registry says that a person speaks for a child."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    FOSTER = "foster"
    BODY = "body"  # for a guardianship body or a children's home, for as long as the office lasts


SELF = "self"  # the kind of guardianship by which a child's own account is tied to the child: it speaks for nobody


class StatusState(StrEnum):
    """The life of a certified category of a child."""

    CERTIFIED = "certified"
    SUPERSEDED = "superseded"


STATUS_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", StatusState.CERTIFIED), (StatusState.CERTIFIED, StatusState.SUPERSEDED)}
)


class Purpose(StrEnum):
    """What a guardian consents to: a closed set, `consent.purpose`."""

    REGISTRIES = "registries"  # the city asks the state's registers: whose guardian one is; a child's categories


class ConsentWay(StrEnum):
    """How a consent came to be (`consent.way`)."""

    LINKING = "linking"  # with the button that asks the registry for a child
    PAGE = "page"  # on the guardian's own page
    CARRIED = "carried"  # through a clerk or another door that carries the guardian's word
    NONE = "none"  # none was ever given (roster, import): the guardian said no


class Way(StrEnum):
    """How a person proved anew who they are."""

    CODE = "code"  # a one-time code to the phone
    TOTP = "totp"  # an authenticator app
    IDENTITY = "identity"  # signed in again at the identity provider
    PASSKEY = "passkey"  # a passkey, unlocked by its owner (room `factors`)
    RECOVERY = "recovery"  # a recovery code on paper
    IN_PERSON = "in_person"  # before a clerk, by a code to the own phone or a signed paper (room `assistance`)


class Channel(StrEnum):
    """Ways in which a notice reaches a person (`notice_preference.channel`)."""

    APP = "app"  # in the door itself: always
    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"


class Alarm(StrEnum):
    """What a person must look at (`security_event.kind`)."""

    HONEYTOKEN_READ = "honeytoken_read"
    READING_STOPPED = "reading_stopped"
    GUESSING_STOPPED = "guessing_stopped"
    PASSKEY_COPIED = "passkey_copied"
    ASSISTANCE_STOPPED = "assistance_stopped"


class Topic(StrEnum):
    """News of families."""

    CHILD_REGISTERED = "child_registered"
    GUARDIANSHIP_ENDED = "guardianship_ended"
    GUARDIAN_ADDED = "guardian_added"
    YOUTH_ADMITTED = "youth_admitted"
