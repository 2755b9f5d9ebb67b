"""Judging a passkey's answer: pure, on the bytes a browser sent. WebAuthn Level 3, sections 7.1 and 7.2.

The signature and the structure are judged by the `fido2` library; before it every fault is named, so that a person and
the record can be told which it was.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

MOST_PASSKEYS = 10
RECOVERY_CODES = 10
_ALGORITHMS: tuple[type[CoseKey], ...] = (ES256, EdDSA, RS256)
_RSA_MODULUS = -1  # COSE's label (RFC 8230)
_DEVICES_RSA_BITS = 2048
_VERIFIED = UserVerificationRequirement.REQUIRED  # the device asks for its PIN or a finger: a stolen one proves nothing
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read as another
_CODE_LETTERS, _CODE_GROUP = 24, 4


class FactorRefusal(StrEnum):
    """Why a factor is not believed, not added or not removed."""

    PASSKEY_QUESTION_OVER = "passkey_question_over"
    PASSKEY_UNREADABLE = "passkey_unreadable"
    PASSKEY_OTHER_SITE = "passkey_other_site"
    PASSKEY_OTHER_QUESTION = "passkey_other_question"
    PASSKEY_UNKNOWN = "passkey_unknown"
    PASSKEY_UNVERIFIED = "passkey_unverified"
    PASSKEY_SIGNATURE = "passkey_signature"
    PASSKEY_COPIED = "passkey_copied"
    PASSKEY_THERE = "passkey_there"
    PASSKEY_MISSING = "passkey_missing"
    PASSKEY_NAMELESS = "passkey_nameless"
    PASSKEY_KIND = "passkey_kind"
    TOO_MANY_PASSKEYS = "too_many_passkeys"
    LAST_FACTOR = "last_factor"
    RECOVERY_WRONG = "recovery_wrong"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages stand: `origin` as a browser names it (scheme, host, port), `host` what passkeys are bound to."""

    origin: str
    host: str

    @classmethod
    def at(cls, address: str) -> Site:
        """The site of an address such as `https://vouchers.example.kz/kk/`."""
        parts = urlsplit(address)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.hostname or "")


@dataclass(frozen=True, slots=True)
class Where:
    """Where a question is put and answered: the visit (its secret name) and the site."""

    visit: str
    site: Site


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey as stored: WebAuthn's credential data, the last counter, whether a copy was seen."""

    credential: bytes
    sign_count: int
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A passkey that was believed: its id, its credential data, its counter now."""

    credential_id: bytes
    credential: bytes
    sign_count: int


def question_to_add(
    site: Site, user: tuple[bytes, str], known: list[Known], challenge: bytes, rsa_bits: int
) -> dict[str, Any]:
    """The options for `navigator.credentials.create` as JSON. `user`: a handle that says nothing, and a name.

    RSA is asked for only where 2048 bits are enough: devices that have it have no longer keys.
    """
    server = _server(site)
    kinds = {one.ALGORITHM for one in _ALGORITHMS if one is not RS256 or rsa_bits <= _DEVICES_RSA_BITS}
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in kinds]
    options, _ = server.register_begin(
        PublicKeyCredentialUserEntity(id=user[0], name=user[1], display_name=user[1]),
        [AttestedCredentialData(one.credential) for one in known],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=_VERIFIED,
        challenge=challenge,
    )
    return dict(options.public_key)


def question_to_prove(site: Site, known: list[Known], challenge: bytes) -> dict[str, Any]:
    """The options for `navigator.credentials.get` as JSON."""
    options, _ = _server(site).authenticate_begin(
        [AttestedCredentialData(one.credential) for one in known], user_verification=_VERIFIED, challenge=challenge
    )
    return dict(options.public_key)


def judge_added(answer: Mapping[str, Any], challenge: bytes, site: Site, rsa_bits: int) -> Seen | FactorRefusal:
    """A passkey just made, or the first reason against it. `rsa_bits`: the shortest RSA key that is believed."""
    try:
        told = RegistrationResponse.from_dict(answer)
        made = told.response.attestation_object.auth_data
        refusal = _refuse_words(told.response.client_data, "webauthn.create", challenge, site) or _refuse_device(
            made, site
        )
        if refusal is not None:
            return refusal
        made = _server(site).register_complete(_state(challenge), told)
    except Exception:  # noqa: BLE001 - bytes of a stranger: whatever the parser stumbles over is unreadable
        return FactorRefusal.PASSKEY_UNREADABLE
    credential = made.credential_data
    if credential is None or told.raw_id != credential.credential_id:
        return FactorRefusal.PASSKEY_UNREADABLE
    key = credential.public_key
    if not isinstance(key, _ALGORITHMS) or (isinstance(key, RS256) and _bits(key[_RSA_MODULUS]) < rsa_bits):
        return FactorRefusal.PASSKEY_KIND
    return Seen(bytes(credential.credential_id), bytes(credential), made.counter)


def judge_proof(
    answer: Mapping[str, Any], challenge: bytes, site: Site, known: Mapping[bytes, Known]
) -> Seen | FactorRefusal:
    """The passkey of `known` (by id) that signed the question, or the first reason against the answer."""
    try:
        told = AuthenticationResponse.from_dict(answer)
        words, device = told.response.client_data, told.response.authenticator_data
    except Exception:  # noqa: BLE001 - as above
        return FactorRefusal.PASSKEY_UNREADABLE
    refusal = _refuse_words(words, "webauthn.get", challenge, site)
    mine = known.get(bytes(told.raw_id))
    if refusal is None and mine is None:
        refusal = FactorRefusal.PASSKEY_UNKNOWN
    refusal = refusal or _refuse_device(device, site)
    if refusal is not None or mine is None:
        return refusal or FactorRefusal.PASSKEY_UNKNOWN
    try:
        _server(site).authenticate_complete(_state(challenge), [AttestedCredentialData(mine.credential)], told)
    except Exception:  # noqa: BLE001 - all else was judged: what is left is the signature
        return FactorRefusal.PASSKEY_SIGNATURE
    if mine.is_stopped or not _has_gone_on(mine.sign_count, device.counter):
        return FactorRefusal.PASSKEY_COPIED
    return Seen(bytes(told.raw_id), mine.credential, device.counter)


def answered_by(answer: Mapping[str, Any]) -> bytes:
    """The id of the passkey that an answer, judged before, came from."""
    return bytes(AuthenticationResponse.from_dict(answer).raw_id)


def recovery_code(random: bytes) -> str:
    """A code of 24 letters and digits, in six groups, from at least 24 random bytes.

    At least 115 bits (no letter comes more often than 9 times in 256): ASVS 6.5.2 asks for a slow hash below 112.
    """
    letters = "".join(_LETTERS[byte * len(_LETTERS) >> 8] for byte in random[:_CODE_LETTERS])
    return "-".join(letters[at : at + _CODE_GROUP] for at in range(0, _CODE_LETTERS, _CODE_GROUP))


def plain_code(typed: str) -> str:
    """A typed recovery code as it was made: blanks, dashes and small letters do no harm."""
    return re.sub(r"[\s-]", "", typed).upper()


def _refuse_words(words: CollectedClientData, kind: str, challenge: bytes, site: Site) -> FactorRefusal | None:
    """Faults of what the browser says it was asked, where and by whom."""
    if words.type != kind:
        return FactorRefusal.PASSKEY_UNREADABLE
    if words.origin != site.origin or words.cross_origin:
        return FactorRefusal.PASSKEY_OTHER_SITE
    return None if hmac.compare_digest(words.challenge, challenge) else FactorRefusal.PASSKEY_OTHER_QUESTION


def _refuse_device(device: AuthenticatorData, site: Site) -> FactorRefusal | None:
    """Faults of what the device says: for which site, and whether a person unlocked it."""
    if not hmac.compare_digest(device.rp_id_hash, sha256(site.host.encode()).digest()):
        return FactorRefusal.PASSKEY_OTHER_SITE
    is_unlocked = device.is_user_present() and device.is_user_verified()
    return None if is_unlocked else FactorRefusal.PASSKEY_UNVERIFIED


def _bits(number: bytes) -> int:
    return int.from_bytes(number, "big").bit_length()


def _has_gone_on(stored: int, counter: int) -> bool:
    """A counter that stands still or goes back means two devices with one key; 0 and 0: the device has none."""
    return counter > stored or stored == counter == 0


def _server(site: Site) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=site.host, name="Qosymsha"), verify_origin=site.origin.__eq__)


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": _VERIFIED}
