"""A month of marks kept in another system, brought in by a file: checked row by row first, stored on a second word."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cryptography.exceptions import InvalidTag
from django import forms
from django.http import HttpResponse

from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.files.columns import match
from qosymsha.interfaces.files.districts import Districts
from qosymsha.interfaces.files.layouts import MARKS
from qosymsha.interfaces.files.memory import Held
from qosymsha.interfaces.files.outside import Bringing, MarkLoader
from qosymsha.interfaces.files.reading import Fault, Reading, Verdict, take
from qosymsha.interfaces.files.rosters import read_roster
from qosymsha.interfaces.office.city import programmes_of
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, roles_of
from qosymsha.kernel import cipher
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput

MOST_BYTES = 1_500_000
MOST_UNPACKED = 40_000_000  # of a workbook: five thousand rows of all columns take about twenty
MOST_ROWS = 5_000  # a large club's month; judged and stored within seconds. More goes by the command line
SHOWN = 100
# The file's columns as the page explains them: which must be there, which belong together.
GROUPS = (
    ("must", "provider group child date mark"),
    ("hours", "starts ends"),
    ("marking", "marked_at recorded_at mark_device mark_network"),
    ("scan", "scan_at scan_device scan_network scan_device_kind card"),
    ("word", "confirmed_at confirm_device confirm_network confirm_device_kind"),
    ("where", "guardian home district venue capacity teacher"),
    ("away", "elsewhere"),
    ("own", "child_ref ref"),
)


# What may be wrong with a cell, said as `outside.fault.…`.
FAULTS = (
    *("empty", "formula", "too_many_cells", "number_rounded", "not_a_person", "date_impossible", "date_unreadable"),
    *("mark_unknown", "instant_unreadable", "ends_before_it_begins", "district_unknown", "not_a_whole_number"),
    *("not_yes_or_no", "elsewhere_unknown", "provider_unknown", "group_unknown", "outside_mark_twice"),
    *("not_twelve_digits", "wrong_check_digit", "synthetic_number", "not_an_organisation"),
)


class BringForm(Form):
    """The file, and the programme where the official has several."""

    programme = forms.ChoiceField()
    file = forms.FileField(widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}))


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a file's rows, or would; `held` is the file itself, sealed, for the step that stores it."""

    counts: Counter[Verdict]
    faults: list[Fault]
    unknown: tuple[str, ...]
    held: str = ""

    @property
    def fresh(self) -> int:
        """Rows that storing would add or change."""
        return self.added + self.changed

    @property
    def added(self) -> int:
        """Rows that are new."""
        return self.counts[Verdict.ADDED]

    @property
    def changed(self) -> int:
        """Rows that differ from what is stored."""
        return self.counts[Verdict.CHANGED]

    @property
    def there(self) -> int:
        """Rows that are stored as they are."""
        return self.counts[Verdict.THERE]

    @property
    def refused(self) -> int:
        """Rows that cannot be taken."""
        return self.counts[Verdict.REFUSED]

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return sum(self.counts.values())


@allowed(Action.RECORD, post=Action.RECORD)
def outside(request: SignedRequest) -> HttpResponse:
    """`/office/outside/`: choose a file; a POST with one says what is in it; a POST of what was checked stores it."""
    mine = programmes_of(request, roles_of(Action.RECORD))
    form = _form(request, mine)
    told: Told | None = None
    if request.method == "POST" and form.is_valid():
        programme = next(one for one in mine if str(one.uuid) == form.cleaned_data["programme"])
        try:
            if "held" in request.POST:
                told = _told(request, programme, _opened(request), is_check=False)
                return moved(request, "office-outside", said="outside.done", n=told.fresh, refused=told.refused)
            told = _checked(request, programme, form.cleaned_data["file"])
        except BadInput as fault:
            form.add_error("file", texts.say(request.language, "outside.no_table"))
            form.outcome = fault.advice
    words: dict[str, Any] = {
        "form": form,
        "told": told,
        "shown": told.faults[:SHOWN] if told else [],
        "more": max(len(told.faults) - SHOWN, 0) if told else 0,
        "is_one": len(mine) == 1,
        "groups": [(f"outside.group.{key}", names.split()) for key, names in GROUPS],
        "most": MOST_ROWS,
        "may_screen": request.actor.holds(ALLOWED[Action.SCREEN]),
    }
    return page(request, "office/outside.html", 422 if form.errors else 200, **words)


@allowed(Action.RECORD)
def example(request: SignedRequest) -> HttpResponse:
    """`/office/outside/example.csv`: the columns with a row to overwrite."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in MARKS])
    writer.writerow([column.example for column in MARKS])
    answer = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="marks.csv"'
    return answer


def _form(request: SignedRequest, mine: list[ProgrammeFacts]) -> BringForm:
    is_stored = "held" in request.POST
    given = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = BringForm(*given, initial={"programme": str(mine[0].uuid) if mine else ""})
    programme = form.fields["programme"]
    assert isinstance(programme, forms.ChoiceField)
    programme.choices = [(str(one.uuid), getattr(one, f"name_{request.language}") or one.name_kk) for one in mine]
    form.fields["file"].required = not is_stored
    return form


def _checked(request: SignedRequest, programme: ProgrammeFacts, file: Any) -> Told:
    """What the uploaded file would bring.

    Raises:
        BadInput: it is no table, or too large for a page.
    """
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise BadInput("file", f"is larger than {MOST_BYTES / 1_000_000} MB: split it by clubs, or ask the operator")
    return _told(request, programme, content, is_check=True)


def _told(request: SignedRequest, programme: ProgrammeFacts, content: bytes, *, is_check: bool) -> Told:
    roster = read_roster(Held(content), most_unpacked=MOST_UNPACKED)
    matched = match(roster.columns, MARKS)
    readings = [Reading(row, matched, MARKS) for row in islice(roster.rows, MOST_ROWS + 1)]
    if len(readings) > MOST_ROWS:
        raise BadInput("file", f"has more than {MOST_ROWS:,} rows: split it by clubs, or ask the operator")
    where = Bringing(
        programme.territory_id,
        programme.id,
        Districts(programme.territory_id, local_day(request.at)),
        lambda: request.actor,
        request.at,
        lambda: key_of(request),
        lambda reason: reason.value,
        asks_people=False,
    )
    batch = take(MarkLoader(where), readings, is_check=is_check)
    counts = Counter(taken.verdict for taken in batch)
    counts[Verdict.REFUSED] += len(readings) - len(batch)
    return Told(
        counts,
        [fault for reading in readings for fault in reading.faults],
        matched.unknown,
        _sealed(request, content) if is_check else "",
    )


def _sealed(request: SignedRequest, content: bytes) -> str:
    """The file for the next step: packed, and sealed for this official, so that what is stored is what was checked."""
    sealed = cipher.seal(gzip.compress(content, mtime=0), bound_to=_bound(request))
    packed = b"".join((sealed.nonce, sealed.ciphertext))
    return f"{sealed.key_id}.{base64.b64encode(packed).decode()}"


def _opened(request: SignedRequest) -> bytes:
    """The file that was checked.

    Raises:
        BadInput: it was not sealed here for this official.
    """
    key_id, _, packed = str(request.POST["held"]).partition(".")
    try:
        raw = base64.b64decode(packed, validate=True)
        plain = cipher.unseal(cipher.Sealed(key_id, raw[:12], raw[12:]), bound_to=_bound(request))
        return zlib.decompress(plain, wbits=31)
    except (InvalidTag, KeyError, ValueError, zlib.error):
        raise BadInput("file", "choose the file again") from None


def _bound(request: SignedRequest) -> bytes:
    return f"outside:{request.actor.user_id}".encode()
