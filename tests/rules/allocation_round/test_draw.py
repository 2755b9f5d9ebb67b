"""The draw's formulas against vectors that were computed without the product."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import canonical, draw, hashing, merkle

VECTORS = json.loads((Path(__file__).parents[3] / "docs/reference/draw-vectors.json").read_text(encoding="utf8"))
LEAVES = bytes.fromhex(VECTORS["terms_leaf"] + "".join(row["leaf"] for row in VECTORS["lines"]))


@pytest.mark.parametrize("row", VECTORS["tickets"])
def test_a_ticket_gives_its_text_line_id_and_salt(row: dict[str, str]) -> None:
    ticket = bytes.fromhex(row["ticket_hex"])
    assert draw.ticket_text(ticket) == row["ticket"]
    assert draw.parse_ticket(row["ticket"].lower()[:13] + "- " + row["ticket"][13:]) == ticket
    assert draw.line_id(ticket).hex() == row["line_id"]
    assert draw.salt(ticket).hex() == row["salt"]


@pytest.mark.parametrize("text", VECTORS["bad_tickets"].values())
def test_a_mistyped_ticket_is_refused(text: str) -> None:
    with pytest.raises(draw.TicketError):
        draw.parse_ticket(text)


@given(st.text(max_size=40))
def test_no_text_but_a_ticket_is_taken_for_one(text: str) -> None:
    try:
        ticket = draw.parse_ticket(text)
    except draw.TicketError:
        return
    assert draw.ticket_text(ticket) == text.upper().replace("-", "").replace(" ", "").replace("\u00a0", "")


def test_two_drawn_tickets_differ() -> None:
    assert len({draw.draw_ticket() for _ in range(100)}) == 100


def test_commitments_root_seed_and_numbers_follow_the_vectors() -> None:
    secrets = [bytes.fromhex(row["secret"]) for row in VECTORS["commitments"]]
    assert [draw.commitment(secret).hex() for secret in secrets] == [
        row["commitment"] for row in VECTORS["commitments"]
    ]
    root = merkle.root(LEAVES)
    assert root.hex() == VECTORS["root"]
    seed = draw.seed(VECTORS["round"], root, bytes.fromhex(VECTORS["beacon"]), secrets)
    assert seed.hex() == VECTORS["seed"]
    ids = np.array([list(bytes.fromhex(row["line_id"])) for row in VECTORS["numbers"]], dtype=np.uint8)
    assert [n.tobytes().hex() for n in draw.numbers(seed, ids)] == [row["number"] for row in VECTORS["numbers"]]
    assert draw.number(seed, ids[0].tobytes()).hex() == VECTORS["numbers"][0]["number"]


def test_lines_and_leaves_follow_the_vectors() -> None:
    lines = [row["line"] for row in VECTORS["lines"]]
    salts = [bytes.fromhex(row["salt"]) for row in VECTORS["lines"]]
    assert [canonical.parse_line(line).text() for line in lines] == lines
    assert canonical.list_leaves(VECTORS["terms_text"], lines, salts) == LEAVES
    assert canonical.terms_text(json.loads(VECTORS["terms_text"])) == VECTORS["terms_text"]


def test_proofs_follow_the_vectors_and_nothing_else_passes() -> None:
    root = merkle.root(LEAVES)
    count = len(LEAVES) // 32
    for index, path in enumerate(VECTORS["proofs"]):
        proof = merkle.proof(LEAVES, index)
        assert [node.hex() for node in proof] == path
        leaf = LEAVES[index * 32 : index * 32 + 32]
        assert merkle.check_proof(leaf, index, count, proof, root)
        assert not merkle.check_proof(leaf, (index + 1) % count, count, proof, root)
        assert not merkle.check_proof(hashlib.sha256(leaf).digest(), index, count, proof, root)
        assert not merkle.check_proof(leaf, index, count, [*proof, root], root)


@pytest.mark.parametrize(("count", "root"), VECTORS["roots_of_n_leaves"].items())
def test_roots_of_any_number_of_leaves_have_the_shape_of_rfc_6962(count: str, root: str) -> None:
    leaves = b"".join(hashlib.sha256(b"\0" + str(i).encode()).digest() for i in range(int(count)))
    assert merkle.root(leaves).hex() == root
    assert merkle.root(np.frombuffer(leaves, np.uint8).reshape(-1, 32)).hex() == root


@given(st.integers(1, 70), st.data())
def test_every_leaf_of_any_list_can_be_proved(count: int, data: st.DataObject) -> None:
    leaves = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(count))
    index = data.draw(st.integers(0, count - 1))
    path = merkle.proof(leaves, index)
    leaf, root = leaves[index * 32 : index * 32 + 32], merkle.root(leaves)
    assert merkle.check_proof(leaf, index, count, path, root)
    if path:
        cut = data.draw(st.integers(0, len(path) - 1))
        assert not merkle.check_proof(leaf, index, count, path[:cut] + path[cut + 1 :], root)


def test_numbers_are_the_same_in_any_chunk() -> None:
    ids = np.random.default_rng(1).integers(0, 256, (70_000, 32), dtype=np.uint8)
    numbers = draw.numbers(b"s" * 32, ids)
    for row in (0, 65_535, 65_536, 69_999):
        assert numbers[row].tobytes() == hashlib.sha256(b"s" * 32 + ids[row].tobytes()).digest()


def test_two_processes_give_the_same_numbers_leaves_and_root() -> None:
    """One row more than two chunks, so that the last subtree is a single leaf that moves up on its own."""
    count = 2 * hashing.CHUNK
    ids = np.sort(np.frombuffer(np.random.default_rng(2).bytes(32 * count), "S32")).view(np.uint8).reshape(-1, 32)
    lines = [f"{row.tobytes().hex()}\ts\t1\t\t" for row in ids]
    salts = [row[:16].tobytes() for row in ids]
    plain = canonical.list_leaves("{}", lines, salts)
    assert plain[32:64] == canonical.leaf(salts[0], lines[0])
    assert plain[-32:] == canonical.leaf(salts[-1], lines[-1])
    with hashing.processes(2) as each:
        assert canonical.list_leaves("{}", lines, salts, each=each) == plain
        root = merkle.root(plain, each=each)
        assert np.array_equal(draw.numbers(root, ids, each=each), draw.numbers(root, ids))
    assert root == merkle.root(plain) == merkle.levels(plain)[-1]


@pytest.mark.parametrize("salts", [[], [bytes(16)], [bytes(16)] * 3, [bytes(16), bytes(15)]])
def test_each_line_has_one_salt_of_sixteen_bytes(salts: list[bytes]) -> None:
    lines = [canonical.Line(bytes([i]) * 32, "s", 1).text() for i in (1, 2)]
    with pytest.raises(ValueError):
        canonical.list_leaves("{}", lines, salts)


@pytest.mark.parametrize(
    "line",
    [
        canonical.Line(b"short", "s", 1),
        canonical.Line(bytes(32), "a\tb", 1),
        canonical.Line(bytes(32), "", 1),
        canonical.Line(bytes(32), "s", 1, ("a,b",)),
    ],
)
def test_a_name_that_would_shift_fields_is_refused(line: canonical.Line) -> None:
    with pytest.raises(canonical.LineError):
        line.text()


@pytest.mark.parametrize(
    "text", ["", "x\ts\t1\t\t", f"{'0' * 64}\ts\t01\t\t", f"{'0' * 64}\ts\t1\tb,a\t", f"{'0' * 64}\ts\t1"]
)
def test_only_the_canonical_spelling_is_a_line(text: str) -> None:
    with pytest.raises(canonical.LineError):
        canonical.parse_line(text)


def test_an_unsorted_or_repeated_list_is_refused() -> None:
    a, b = (canonical.Line(bytes([i]) * 32, "s", 1).text() for i in (1, 2))
    twice = canonical.Line(bytes([1]) * 32, "s", 2).text()
    for lines in ([b, a], [a, a], [a, twice]):
        with pytest.raises(canonical.LineError):
            canonical.list_leaves("{}", lines, [bytes(16)] * 2)
