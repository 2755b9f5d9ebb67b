"""The OpenID Connect client: it believes an honest provider, nobody else. Each lie is told over a real connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from qosymsha.domain.people.ports import Identity, IdentityFault, IdentityQuestion, IdentityRefused
from qosymsha.integrations.identity import openid
from qosymsha.integrations.identity.openid import OpenIdConnect
from tests.integrations import identity_provider
from tests.integrations.identity_provider import Provider

BACK = "http://localhost/sign-in/callback/"
Lie = Callable[[Provider], None]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with identity_provider.running() as provider:
        monkeypatch.setenv(openid.ISSUER, provider.address)
        monkeypatch.setenv(openid.CLIENT, identity_provider.CLIENT)
        monkeypatch.setenv(openid.SECRET, identity_provider.SECRET)
        openid.forget()
        yield provider
    openid.forget()


def sign_in(provider: Provider, *, timeout_seconds: float = 5, **claims: Any) -> Identity:
    client = OpenIdConnect(timeout_seconds)
    question = client.ask(BACK, anew=False)
    back = provider.person(question.address, "abc-1", **claims)
    return client.answer(question, BACK, back["code"], datetime.now(UTC))


def test_an_honest_provider_is_believed(provider: Provider) -> None:
    told = sign_in(provider, iin="850612700013")
    assert (told.subject, told.iin) == ("abc-1", "850612700013")
    assert told.seen_at is not None
    assert abs(told.seen_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_numbers_claim_is_configuration(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(openid.CLAIM, "uin")
    assert sign_in(provider, uin="850612700013", iin="850612700014").iin == "850612700013"


@pytest.mark.parametrize("number", [None, 850612700013, ["850612700013"], {"iin": "850612700013"}])
def test_a_number_that_is_no_text_is_no_number(provider: Provider, number: Any) -> None:
    assert sign_in(provider, iin=number).iin is None


def test_to_prove_it_anew_the_provider_is_asked_to_ask(provider: Provider) -> None:
    address = OpenIdConnect().ask(BACK, anew=True).address
    assert "prompt=login" in address
    assert "max_age=0" in address
    assert "max_age" not in OpenIdConnect().ask(BACK, anew=False).address


def other_key(provider: Provider) -> None:
    provider.published = identity_provider.key_of("another")


def late(provider: Provider) -> None:
    provider.now = time.time() - 3600


def future(provider: Provider) -> None:
    provider.now = time.time() + 3600


def unsigned(provider: Provider) -> None:
    provider.algorithm = "none"


def signed_by_our_own_secret(provider: Provider) -> None:
    """HS256 under the client's secret, or under the public key's text: the oldest tricks with JWT."""
    secret = OctKey.import_key(identity_provider.SECRET)

    def token(query: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": provider.address, "aud": "qosymsha", "sub": "abc-1", "iat": now, "exp": now + 300}
        return jwt.encode({"alg": "HS256"}, claims | {"nonce": query["nonce"]}, secret)

    provider.token = token  # type: ignore[method-assign]


def claim(**claims: Any) -> Lie:
    return lambda provider: provider.claims.update(claims)


LIES: dict[str, Lie] = {
    "another issuer": claim(iss="https://evil.example"),
    "no issuer": claim(iss=None),
    "another audience": claim(aud="somebody-else"),
    "no audience": claim(aud=None),
    "two audiences, no authorised party": claim(aud=["qosymsha", "somebody-else"]),
    "another authorised party": claim(azp="somebody-else"),
    "another nonce": claim(nonce="replayed"),
    "no nonce": claim(nonce=None),
    "no end": claim(exp=None),
    "no beginning": claim(iat=None),
    "no subject": claim(sub=None),
    "an empty subject": claim(sub=""),
    "a subject that is no text": claim(sub=7),
    "expired": late,
    "issued in the future": future,
    "another key": other_key,
    "unsigned": unsigned,
    "signed by our own secret": signed_by_our_own_secret,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_not_believed(provider: Provider, lie: str) -> None:
    LIES[lie](provider)
    with pytest.raises(IdentityRefused) as refused:
        sign_in(provider, iin="850612700013")
    assert refused.value.fault is IdentityFault.NOT_BELIEVED
    assert "8506" not in str(refused.value)


def test_without_the_checks_each_lie_in_a_claim_is_believed(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run: with the registry's validation switched off, a token for somebody else lets in."""
    monkeypatch.setattr(jwt.JWTClaimsRegistry, "validate", lambda *_: None)
    for lie in ("another issuer", "another nonce", "expired"):
        LIES[lie](provider)
    assert sign_in(provider).subject == "abc-1"


def test_a_short_key_signs_nothing_unless_the_operator_allows_it(provider: Provider, settings: Any) -> None:
    """RSA of 2048 bits has the strength of 112: ASVS 11.2.3 asks for 128."""
    provider.key = identity_provider.key_of("short", 2048)
    with pytest.raises(IdentityRefused) as refused:
        sign_in(provider)
    assert refused.value.fault is IdentityFault.NOT_BELIEVED
    assert "3072" in refused.value.detail
    settings.RSA_BITS = 2048
    assert sign_in(provider).subject == "abc-1"


def test_the_providers_two_factors_are_told_where_their_word_is_listed(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not sign_in(provider, amr=["mfa"]).has_two_factors, "no word is listed"
    monkeypatch.setenv(openid.TWO_FACTORS, "mfa")
    assert sign_in(provider).has_two_factors


def test_a_code_counts_once(provider: Provider) -> None:
    client = OpenIdConnect()
    question = client.ask(BACK, anew=False)
    back = provider.person(question.address, "abc-1")
    client.answer(question, BACK, back["code"], datetime.now(UTC))
    with pytest.raises(IdentityRefused) as refused:
        client.answer(question, BACK, back["code"], datetime.now(UTC))
    assert refused.value.fault is IdentityFault.SAYS_NO


def test_a_stolen_code_is_worth_nothing_without_the_browsers_own_word(provider: Provider) -> None:
    """PKCE: the thief has the code, not the verifier."""
    client = OpenIdConnect()
    victim, thief = client.ask(BACK, anew=False), client.ask(BACK, anew=False)
    back = provider.person(victim.address, "abc-1")
    stolen = IdentityQuestion("", victim.state, victim.nonce, thief.verifier)
    with pytest.raises(IdentityRefused) as refused:
        client.answer(stolen, BACK, back["code"], datetime.now(UTC))
    assert refused.value.fault is IdentityFault.SAYS_NO


def test_a_key_that_the_provider_changed_is_fetched_again(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(provider)
    provider.key = identity_provider.key_of("a new one")
    monkeypatch.setattr(openid, "_AGAIN_SECONDS", 0)
    assert sign_in(provider).subject == "abc-1"


def test_bad_tokens_do_not_make_us_ask_for_keys_each_time(provider: Provider) -> None:
    other_key(provider)
    for _ in range(3):
        with pytest.raises(IdentityRefused):
            sign_in(provider)
    assert provider.asked.count("jwks") == 1


FAULTS: dict[str, tuple[Lie, IdentityFault]] = {
    "description 500": (lambda p: p.statuses.update(description=500), IdentityFault.UNREACHABLE),
    "description is HTML": (lambda p: p.bodies.update(description=b"<html>"), IdentityFault.UNREADABLE),
    "description is a list": (lambda p: p.bodies.update(description=b"[]"), IdentityFault.UNREADABLE),
    "description lacks an endpoint": (lambda p: p.description.update(token_endpoint=None), IdentityFault.UNREADABLE),
    "description of another": (lambda p: p.description.update(issuer="https://x.example"), IdentityFault.NOT_BELIEVED),
    "endpoint without TLS": (
        lambda p: p.description.update(token_endpoint="http://10.0.0.1/token"),
        IdentityFault.NOT_BELIEVED,
    ),
    "keys are nonsense": (lambda p: p.bodies.update(jwks=b'{"keys": [{"kty": "?"}]}'), IdentityFault.UNREADABLE),
    "keys are no list": (lambda p: p.bodies.update(jwks=b'{"keys": 7}'), IdentityFault.UNREADABLE),
    "token 503": (lambda p: p.statuses.update(token=503), IdentityFault.UNREACHABLE),
    "token redirects": (lambda p: p.statuses.update(token=302), IdentityFault.UNREADABLE),
    "token 401": (lambda p: p.statuses.update(token=401), IdentityFault.SAYS_NO),
    "token is empty": (lambda p: p.bodies.update(token=b""), IdentityFault.UNREADABLE),
    "token without a token": (lambda p: p.bodies.update(token=b"{}"), IdentityFault.UNREADABLE),
    "token too long": (lambda p: p.bodies.update(token=b" " * 2_000_000), IdentityFault.UNREADABLE),
    "token slow": (lambda p: p.seconds.update(token=3), IdentityFault.UNREACHABLE),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_is_ill_is_told_apart_from_one_that_says_no(provider: Provider, fault: str) -> None:
    FAULTS[fault][0](provider)
    began = time.monotonic()
    with pytest.raises(IdentityRefused) as refused:
        sign_in(provider, timeout_seconds=1)
    assert refused.value.fault is FAULTS[fault][1]
    assert time.monotonic() - began < 3


def test_a_provider_that_drips_holds_nobody(provider: Provider) -> None:
    sign_in(provider)
    provider.drips = True
    began = time.monotonic()
    with pytest.raises(IdentityRefused) as refused:
        sign_in(provider, timeout_seconds=1)
    assert refused.value.fault is IdentityFault.UNREACHABLE
    assert time.monotonic() - began < 3


def test_a_provider_that_is_down_is_said_so(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(openid.ISSUER, "http://127.0.0.1:9")
    with pytest.raises(IdentityRefused) as refused:
        OpenIdConnect().ask(BACK, anew=False)
    assert refused.value.fault is IdentityFault.UNREACHABLE


@pytest.mark.parametrize("setting", [openid.ISSUER, openid.CLIENT, openid.SECRET])
def test_a_missing_setting_is_named(provider: Provider, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(setting)
    with pytest.raises(ValueError, match=setting):
        OpenIdConnect()


@pytest.mark.parametrize("issuer", ["http://id.example", "ftp://id.example", "id.example", "https://"])
def test_an_issuer_without_tls_is_refused(provider: Provider, issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(openid.ISSUER, issuer)
    with pytest.raises(ValueError, match="https"):
        OpenIdConnect()
