"""An OpenID Connect client: authorization code with PKCE, and every check of OpenID Connect Core 3.1.3.7 on the token.

Signatures and claims are judged by joserfc. The access token is never used: who somebody is stands in the ID token.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from qosymsha.domain.people.ports import Identity, IdentityFault, IdentityQuestion, IdentityRefused
from qosymsha.integrations.identity import wire
from qosymsha.kernel import entropy
from qosymsha.runtime.secrets import secret

ISSUER, CLIENT, SECRET = "QOSYMSHA_IDENTITY_ISSUER", "QOSYMSHA_IDENTITY_CLIENT", "QOSYMSHA_IDENTITY_SECRET"  # noqa: S105 - names of settings
CLAIM, SCOPE = "QOSYMSHA_IDENTITY_IIN_CLAIM", "QOSYMSHA_IDENTITY_SCOPE"
TWO_FACTORS = "QOSYMSHA_IDENTITY_TWO_FACTORS"
_ALGORITHMS = ("RS256", "PS256", "ES256")  # never `none`, never one whose key is our own secret
_LEEWAY_SECONDS = 60
_KEPT_SECONDS = 600
_AGAIN_SECONDS = 30  # a key we do not know is asked for again at most this often, whoever sends such tokens
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(slots=True)
class _Described:
    """What the provider says of itself, and its keys; read once in a while for all threads."""

    document: dict[str, Any]
    keys: KeySet
    read_at: float


_described: dict[str, _Described] = {}
_lock = threading.Lock()


class OpenIdConnect:
    """The provider of an installation, made from its settings; nothing is asked before somebody signs in.

    Raises:
        ValueError: a setting is missing or the issuer is not https (plain http is for this machine only).
    """

    def __init__(self, timeout_seconds: float = 8) -> None:
        self._issuer = _setting(ISSUER, "the issuer's address, as it stands in its tokens")
        self._client, self._secret = _setting(CLIENT, "the client id"), _setting(SECRET, "the client's secret")
        self._claim = os.environ.get(CLAIM, "iin")
        self._scope = os.environ.get(SCOPE, "openid")
        self._two_factors = frozenset(os.environ.get(TWO_FACTORS, "").split())
        self._timeout_seconds = timeout_seconds
        if not wire.is_safe(self._issuer):
            raise ValueError(f"{ISSUER}: give an address that begins with https://")

    def ask(self, back: str, *, anew: bool) -> IdentityQuestion:
        """As the port says.

        Raises:
            IdentityRefused: the provider gave no usable description of itself.
        """
        state, nonce, verifier = (_word() for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": back,
            "scope": self._scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        } | ({"prompt": "login", "max_age": "0"} if anew else {})
        endpoint = self._description().document["authorization_endpoint"]
        address = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
        return IdentityQuestion(address, state, nonce, verifier)

    def answer(self, question: IdentityQuestion, back: str, code: str, at: datetime) -> Identity:
        """As the port says.

        Raises:
            IdentityRefused: no usable answer, or one that must not be believed.
        """
        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": back,
                "code_verifier": question.verifier,
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {self._credentials()}"}
        endpoint = self._description().document["token_endpoint"]
        told = self._ask(endpoint, body, headers)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise IdentityRefused(IdentityFault.UNREADABLE, "no ID token")
        return self._identity(self._believed(token, question.nonce, at))

    def _believed(self, token: str, nonce: str, at: datetime) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._signed(token)
            registry.validate(claims)
        except (JoseError, ValueError) as fault:
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, type(fault).__name__) from None
        others = [
            one for one in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]) if one != self._client
        ]
        if (others or "azp" in claims) and claims.get("azp") != self._client:
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, "azp")
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """The claims of a token signed by one of the provider's keys; a key not known yet may be a new one."""
        described = self._description()
        try:
            return jwt.decode(token, described.keys, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            if time.monotonic() - described.read_at < _AGAIN_SECONDS:
                raise
        return jwt.decode(token, self._description(anew=True).keys, algorithms=_ALGORITHMS).claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        seen, number = claims.get("auth_time"), claims.get(self._claim)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, "sub")
        seen_at = datetime.fromtimestamp(seen, UTC) if isinstance(seen, int) and 0 < seen < 1 << 40 else None
        return Identity(
            claims["sub"], number if isinstance(number, str) else None, seen_at, self._says_two_factors(claims)
        )

    def _says_two_factors(self, claims: dict[str, Any]) -> bool:
        """True where `acr`, or a method in `amr`, is one of those that the operator knows to mean two factors."""
        methods = claims.get("amr")
        told = [claims.get("acr"), *(methods if isinstance(methods, list) else ())]
        return any(isinstance(one, str) and one in self._two_factors for one in told)

    def _description(self, *, anew: bool = False) -> _Described:
        known = _described.get(self._issuer)
        if known is not None and not anew and time.monotonic() - known.read_at < _KEPT_SECONDS:
            return known
        document = self._ask(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if any(not isinstance(document.get(name), str) for name in _NEEDED):
            raise IdentityRefused(IdentityFault.UNREADABLE, "its description")
        if document["issuer"] != self._issuer:
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, "issuer of the description")
        if not all(wire.is_safe(document[name]) for name in _NEEDED):
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, "an endpoint that is not https")
        try:
            keys = KeySet.import_key_set(self._ask(document["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise IdentityRefused(IdentityFault.UNREADABLE, "its keys") from None
        strong = [one for one in keys.keys if not _is_weak(one)]
        if not strong:
            raise IdentityRefused(IdentityFault.NOT_BELIEVED, f"no key but RSA below {settings.RSA_BITS} bits")
        with _lock:
            _described[self._issuer] = _Described(document, KeySet(strong), time.monotonic())
        return _described[self._issuer]

    def _ask(self, address: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return wire.ask(address, self._timeout_seconds, body, headers, own=wire.host_of(self._issuer))

    def _credentials(self) -> str:
        pair = f"{quote(self._client, safe='')}:{quote(self._secret, safe='')}"
        return base64.b64encode(pair.encode()).decode()


def _is_weak(key: object) -> bool:
    """True for RSA shorter than the installation allows: what it signs is signed by a key that we do not know."""
    return isinstance(key, RSAKey) and key.public_key.key_size < settings.RSA_BITS


def forget() -> None:
    """Forget what providers said of themselves, as a fresh process would."""
    with _lock:
        _described.clear()


def _setting(name: str, what: str) -> str:
    value = secret(name)
    if not value:
        raise ValueError(f"{name}: give {what}")
    return value


def _word() -> str:
    return _unpadded(entropy.token(32))


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
