"""Fake and client answer alike, well-behaved or not; and what only a network can do is survived by the client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from qosymsha.domain.people.ports import (
    ProvedChild,
    Registry,
    RegistryFault,
    RegistryUnavailable,
    StatusAnswer,
)
from qosymsha.integrations.registries import wire
from qosymsha.integrations.registries.fake import RETRY_AFTER_SECONDS, TABLE, FakeRegistry, Mode
from qosymsha.integrations.registries.fake_gateway import FakeGateway, serving
from qosymsha.integrations.registries.gateway import ADDRESS, TOKEN, GatewayRegistry
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured
from tests.factories.people import number

MOTHER, STRANGER = number(1, "850612"), number(2, "850612")
FIRST, SECOND, OTHER = number(1), number(2), number(3)
CHILDREN = {
    MOTHER: [
        ProvedChild(FIRST, "parent", "birth:1", date(2015, 3, 1), "Әлия"),
        ProvedChild(None, "foster", "act:2", date(2016, 4, 2), "Інжу"),
        ProvedChild(OTHER, "body", "order:3", date(2014, 7, 7), "Дана"),
    ]
}
STATUSES = [
    StatusAnswer(FIRST, "tsa", "registry:tsa", "e1", date(2026, 1, 1), date(2026, 3, 31)),
    StatusAnswer(FIRST, "large-family", "registry:families", "e2", date(2025, 5, 5), None),
    StatusAnswer(SECOND, "sen", "registry:pmpk", "e3", date(2024, 9, 1), date(2027, 8, 31)),
]


@contextmanager
def _fake(mode: Mode) -> Iterator[Registry]:
    yield FakeRegistry(CHILDREN, STATUSES, mode)


@contextmanager
def _client(mode: Mode) -> Iterator[Registry]:
    with serving(FakeRegistry(CHILDREN, STATUSES, mode), "secret") as gateway:
        yield GatewayRegistry(gateway.address, "secret", timeout_seconds=0.3 if mode is Mode.SLOW else 10)


both = pytest.mark.parametrize("registry_in", [_fake, _client], ids=["fake", "client"])


@both
def test_a_guardians_children_are_named_with_proof(registry_in):
    with registry_in(Mode.ANSWERS) as registry:
        assert registry.children_of(MOTHER) == CHILDREN[MOTHER]
        assert registry.children_of(STRANGER) == []


@both
def test_categories_are_named_for_the_children_asked_for_only(registry_in):
    with registry_in(Mode.ANSWERS) as registry:
        assert registry.statuses_of([FIRST, OTHER]) == STATUSES[:2]
        assert registry.statuses_of([SECOND, FIRST]) == [STATUSES[2], *STATUSES[:2]]
        assert registry.statuses_of([]) == []


@both
@pytest.mark.parametrize(
    ("mode", "fault"),
    [
        (Mode.SLOW, RegistryFault.TIMED_OUT),
        (Mode.GARBAGE, RegistryFault.UNREADABLE),
        (Mode.CUT, RegistryFault.UNREADABLE),
        (Mode.BUSY, RegistryFault.BUSY),
        (Mode.SAYS_NO, RegistryFault.SAYS_NO),
    ],
)
def test_no_usable_answer_is_told_apart_from_no_children_and_names_nobody(registry_in, mode, fault):
    with registry_in(mode) as registry:
        for ask in (lambda: registry.children_of(MOTHER), lambda: registry.statuses_of([FIRST])):
            started = time.monotonic()
            with pytest.raises(RegistryUnavailable) as caught:
                ask()
            assert caught.value.fault is fault
            assert caught.value.retry_after_seconds == (RETRY_AFTER_SECONDS if mode is Mode.BUSY else None)
            assert MOTHER not in str(caught.value)
            assert FIRST not in str(caught.value)
            assert time.monotonic() - started < 5


def _fault_of(registry: GatewayRegistry) -> RegistryFault:
    with pytest.raises(RegistryUnavailable) as caught:
        registry.children_of(MOTHER)
    return caught.value.fault


def test_control_without_the_deadline_over_the_whole_answer_a_dripping_one_would_hold_the_client(monkeypatch):
    monkeypatch.setattr("qosymsha.integrations.outgoing.time.monotonic", lambda: 0.0)
    with serving(FakeRegistry(mode=Mode.SLOW), "secret") as gateway:
        client = GatewayRegistry(gateway.address, "secret", timeout_seconds=0.3)
        started = time.perf_counter()
        stop = _stopping_after(gateway, 1.0)
        with pytest.raises(RegistryUnavailable):
            client.children_of(MOTHER)
        stop.join()
        assert time.perf_counter() - started > 0.9  # red: it waited as long as the gateway dripped


def _stopping_after(gateway: FakeGateway, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, gateway.closing.set)
    timer.start()
    return timer


def test_a_redirect_is_not_followed():
    with serving(FakeRegistry(CHILDREN), "secret") as other, serving(FakeRegistry(CHILDREN), "secret") as gateway:
        gateway.redirects_to = other.address
        assert _fault_of(GatewayRegistry(gateway.address, "secret")) is RegistryFault.UNREADABLE
        assert other.asked == []


def test_a_wrong_token_and_a_closed_door_are_faults():
    with serving(FakeRegistry(CHILDREN), "secret") as gateway:
        assert _fault_of(GatewayRegistry(gateway.address, "guess")) is RegistryFault.SAYS_NO
    assert _fault_of(GatewayRegistry(gateway.address, "secret", timeout_seconds=2)) is RegistryFault.UNREACHABLE


def test_no_number_of_a_person_stands_in_an_address():
    with serving(FakeRegistry(CHILDREN, STATUSES), "secret") as gateway:
        client = GatewayRegistry(gateway.address, "secret")
        client.children_of(MOTHER)
        client.statuses_of([FIRST])
        assert gateway.asked == ["POST /v1/children HTTP/1.1", "POST /v1/statuses HTTP/1.1"]


def test_many_children_are_asked_for_in_several_questions():
    numbers = [number(n) for n in range(1, 1_202)]
    with serving(FakeRegistry({}, STATUSES), "secret") as gateway:
        assert GatewayRegistry(gateway.address, "secret").statuses_of(numbers) == STATUSES
        assert len(gateway.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"children": {}}',
        b'{"children": [1]}',
        b'{"children": [{"child_iin": 15, "kind": "parent", "evidence": "x"}]}',
        b'{"children": [{"child_iin": "", "kind": "parent", "evidence": "x"}]}',
        b'{"children": [{"child_iin": "1", "kind": "parent"}]}',
        b'{"children": [{"child_iin": "1", "kind": "parent", "evidence": "x", "born_on": "01.03.2015"}]}',
        b'{"children": [{"child_iin": "1", "kind": "parent", "evidence": "\xff"}]}',
        b"[" * 100_000,
    ],
)
def test_nothing_of_an_answer_that_is_not_as_agreed_is_used(body):
    with pytest.raises(RegistryUnavailable) as caught:
        wire.children_of(body)
    assert caught.value.fault is RegistryFault.UNREADABLE


def test_an_answer_about_a_child_nobody_asked_for_is_not_believed():
    body = wire.statuses_answer(STATUSES)
    assert wire.statuses_of(body, [FIRST, SECOND]) == STATUSES
    with pytest.raises(RegistryUnavailable):
        wire.statuses_of(body, [FIRST])


@pytest.mark.parametrize("address", ["", "http://registry.example", "ftp://127.0.0.1", "registry", "file:///etc"])
def test_only_an_encrypted_address_is_taken(address):
    with pytest.raises(ValueError, match=ADDRESS):
        GatewayRegistry(address, "secret")
    with pytest.raises(ValueError, match=TOKEN):
        GatewayRegistry("https://registry.example", "")


def test_the_fake_reads_its_table_from_a_file(tmp_path, monkeypatch):
    path = tmp_path / "table.json"
    row = {"child_iin": FIRST, "kind": "parent", "evidence": "x", "born_on": None}
    path.write_text(json.dumps({"children": {MOTHER: [row]}}))
    monkeypatch.setenv(TABLE, str(path))
    assert adapter("registry").children_of(MOTHER) == [ProvedChild(FIRST, "parent", "x")]
    monkeypatch.delenv(TABLE)
    assert adapter("registry").children_of(MOTHER) == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "set QOSYMSHA_REGISTRY"),
        ("qosymsha.integrations.registries.fake", "module:Class"),
        ("qosymsha.integrations.registries.nowhere:X", "cannot be loaded"),
        ("qosymsha.integrations.registries.fake:Nothing", "cannot be loaded"),
        ("qosymsha.integrations.registries.gateway:GatewayRegistry", ADDRESS),
    ],
)
def test_a_missing_or_wrong_adapter_says_which_setting_to_give(settings, monkeypatch, path, says):
    monkeypatch.delenv(ADDRESS, raising=False)
    settings.ADAPTERS = {"registry": path}
    with pytest.raises(NotConfigured, match=says):
        adapter("registry")
    with pytest.raises(NotConfigured, match="no port"):
        adapter("oracle")


@pytest.mark.parametrize("kind", ["self", "neighbour", ""])
def test_a_kind_that_is_none_of_those_agreed_makes_the_answer_unreadable(kind):
    body = wire.children_answer([ProvedChild(FIRST, kind, "e")])
    with pytest.raises(RegistryUnavailable) as caught:
        wire.children_of(body)
    assert caught.value.fault is RegistryFault.UNREADABLE
