"""What is wrong with a roster: a cell's fault is a value; a file that can't be read raises BadInput."""

from __future__ import annotations

from dataclasses import dataclass

from qosymsha.kernel.errors import BadInput


@dataclass(frozen=True, slots=True)
class CellFault:
    """Why a cell can't be taken: its column's header, a short code for machines, a sentence that says what to do."""

    column: str
    code: str
    advice: str


class CellError(ValueError):
    """A cell's text that can't be read; never repeats the text, which may be somebody's number."""

    def __init__(self, code: str, advice: str) -> None:
        super().__init__(code)
        self.code = code
        self.advice = advice


def bad_file(advice: str) -> BadInput:
    """The whole file is refused, in one clear sentence."""
    return BadInput("file", advice)
