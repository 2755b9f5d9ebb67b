"""Files at the doors: the field that takes one, the reader that bounds it, the answer that hands one out.

An upload never touches the disk: it is read into memory up to the house's own limit and judged by its bytes in the room
`documents`. A download is an attachment that no browser shows, guesses or keeps.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django import forms
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.documents.rules import DocumentRefusal, extension
from qosymsha.interfaces.ui import texts

ACCEPT = "application/pdf,image/jpeg,image/png"
_PATIENCE = 4  # a file this many times too large is no longer read to its end


class BoundedUpload(FileUploadHandler):
    """Reads a request's files into memory, all together at most the largest paper's bytes and one more.

    A larger one is cut: the form says that it is too large. One far larger stops the reading.
    """

    _parts: list[bytes]
    _read = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **kwargs)
        self._parts = []

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep what fits, count the rest."""
        most = documents.limits().most_bytes
        room = most + 1 - self._read
        self._read += len(raw_data)
        if room > 0:
            self._parts.append(raw_data[:room])
        if self._read > _PATIENCE * most:
            raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file as far as it was kept."""
        content = b"".join(self._parts)
        return InMemoryUploadedFile(BytesIO(content), self.field_name, "paper", "", len(content), None)


class UploadField(forms.FileField):
    """A file to choose; `cleaned_data` gives its bytes (b"" where none was chosen and none is needed).

    What it is and whether it may be kept is the room's word; here only that something came, and not too much.
    """

    widget = forms.FileInput(attrs={"accept": ACCEPT})

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The file's bytes.

        Raises:
            ValidationError: nothing was chosen though it is needed, or it is too large.
        """
        if data is None:
            if self.required:
                raise forms.ValidationError(_sentence(DocumentRefusal.PAPER_MISSING))
            return b""
        content = data.read()
        if len(content) > documents.limits().most_bytes:
            raise forms.ValidationError(_sentence(DocumentRefusal.PAPER_TOO_LARGE))
        if not content:
            raise forms.ValidationError(_sentence(DocumentRefusal.PAPER_MISSING))
        return content


def paper_fields(field: str) -> dict[str, str]:
    """For `attempt`: every reason against a file stands at the form's field of this name."""
    return {reason.value: field for reason in DocumentRefusal}


def files_of(request: HttpRequest) -> MultiValueDict[str, Any] | None:
    """What a form with files is bound to besides `typed(request)`: `PaperForm(typed(request), files_of(request))`."""
    return request.FILES if request.method == "POST" else None


def download(paper: DocumentHead, content: bytes, name: str = "paper") -> HttpResponse:
    """A paper to keep: never shown in the page's own place, never guessed at, never stored on the way.

    `name` stands in the file's name with the beginning of the paper's own number; never a person's.
    """
    file_name = f"{name}-{paper.uuid.hex[:8]}.{extension(paper.media_type)}"
    return HttpResponse(
        content,
        content_type=paper.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


def most_megabytes() -> int:
    """The largest paper in whole megabytes, for the field's hint."""
    return documents.limits().most_bytes // 1_000_000


def _sentence(reason: DocumentRefusal) -> str:
    return texts.refusal(get_language() or "kk", reason.value)
