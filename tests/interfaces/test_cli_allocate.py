"""`qosymsha allocate`: words for a child as for an application; a bad file is refused with its place and status 2."""

import json
from pathlib import Path

import pytest

from qosymsha.interfaces.cli.main import main

PLACES = {
    "children": [{"id": "c1", "prefs": ["g"], "lottery": 1}, {"id": "c2", "prefs": ["g"], "lottery": 2}],
    "groups": [{"id": "g", "capacity": 1}],
}


def allocate(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["allocate", *argv])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_places_are_explained_in_three_languages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"cases": [{"children": [], "groups": []}, PLACES]}))
    said = {
        language: allocate(capsys, "places", str(path), "--explain", "c2", "--lang", language)
        for language in ("kk", "ru", "en")
    }
    assert {status for status, _, _ in said.values()} == {0}
    assert len({out for _, out, _ in said.values()}) == 3
    assert "c1" not in said["en"][1]
    status, out, _ = allocate(capsys, "places", str(path), "--explain", "c1", "--json")
    assert (status, json.loads(out)["id"]) == (0, "c1")
    status, out, err = allocate(capsys, "places", str(path), "--explain", "nobody")
    assert (status, out) == (2, "")
    assert "no child of this id" in err


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"\xff", "the file"),
        (b"[" * 100_000, "the file"),
        (b'{"children": []}', "groups"),
        (b'{"children": [{"id": "c", "prefs": [1]}], "groups": []}', "children[0].prefs[0]"),
        (b'{"cases": [{"children": [], "groups": [{"id": "g", "capacity": -1}]}]}', "cases[0].groups[0].capacity"),
        (b'{"children": [], "groups": [{"id": "\\ud800", "capacity": 1}]}', "groups[0].id"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    text: bytes, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(text)
    for more in ((), ("--explain", "c", "--lang", "kk"), ("--check",)):
        status, out, err = allocate(capsys, "places", str(path), *more)
        assert (status, out) == (2, "")
        assert err.startswith(f"qosymsha: {place}: ")
