"""Merkle tree of a closed list in the shape of RFC 6962: an odd node at the end of a level moves up unchanged.

A leaf is already a hash (`canonical.leaf`, prefix 00); an inner node is SHA-256(01 | left | right). Leaves are kept
as one flat buffer, 32 bytes each, so that three million rows are 100 MB and not a list of objects.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation import hashing

Leaves = bytes | bytearray | memoryview | NDArray[np.uint8]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def root(leaves: Leaves, *, each: hashing.Each = map) -> bytes:
    """Return the 32-byte root of flat leaves (n * 32 bytes, or an (n, 32) array); SHA-256 of nothing when there are
    none. `each` goes through the subtrees of 65,536 leaves.
    """
    flat, step = _flat(leaves), 32 * hashing.CHUNK
    subtrees = (flat[i : i + step] for i in range(0, len(flat), step))
    return hashing.subtree(b"".join(each(hashing.subtree, subtrees))) or EMPTY_ROOT


def levels(leaves: Leaves) -> list[bytes]:
    """Return all levels of the tree, leaves first, root last: keep it to make many proofs (64 bytes per leaf)."""
    found = [_flat(leaves)]
    while len(found[-1]) > 32:
        found.append(hashing.parents(found[-1]))
    return found


def proof(leaves: Leaves, index: int) -> list[bytes]:
    """Return the hashes beside the way from leaf `index` (from 0) up to the root, lowest first.

    Raises:
        IndexError: there is no such leaf.
    """
    return proof_from(levels(leaves), index)


def proof_from(tree: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof of leaf `index` from `levels`, without hashing anything again."""
    if not 0 <= index < len(tree[0]) // 32:
        raise IndexError(f"no leaf {index} among {len(tree[0]) // 32}")
    path = []
    for level in tree[:-1]:
        beside = level[(index ^ 1) * 32 : (index ^ 1) * 32 + 32]
        if beside:
            path.append(beside)
        index //= 2
    return path


def check_proof(leaf: bytes, index: int, count: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Return whether `path` proves that `leaf` stands at `index` of `count` leaves under `expected_root`."""
    if not 0 <= index < count:
        return False
    node, remaining = leaf, list(reversed(path))
    while count > 1:
        if index ^ 1 < count:
            if not remaining:
                return False
            beside = remaining.pop()
            pair = beside + node if index & 1 else node + beside
            node = hashlib.sha256(b"\1" + pair).digest()
        index, count = index // 2, (count + 1) // 2
    return not remaining and node == expected_root


def _flat(leaves: Leaves) -> bytes:
    flat = leaves.tobytes() if isinstance(leaves, np.ndarray) else bytes(leaves)
    if len(flat) % 32:
        raise ValueError("leaves are 32 bytes each")
    return flat
