"""The audit's checkpoints in public: whoever keeps a copy can show later that the past was changed."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from qosymsha.domain.witness import queries, store
from qosymsha.interfaces.ui.doors import public_page
from qosymsha.kernel.errors import NotConfigured

_PLAIN = "text/plain; charset=utf-8"
_MOST = 1000  # of the list, the newest


@public_page
def newest(request: HttpRequest) -> HttpResponse:
    """`/audit/checkpoint.txt`: the newest checkpoint, as it was signed."""
    found = queries.checkpoint_files()
    if not found:
        raise Http404
    return HttpResponse(found[-1].read_bytes(), content_type=_PLAIN)


@public_page
def every(request: HttpRequest) -> HttpResponse:
    """`/audit/checkpoints/`: the sizes of the newest checkpoints, one a line, the newest first."""
    sizes = [str(int(path.stem)) for path in reversed(queries.checkpoint_files()[-_MOST:])]
    return HttpResponse("".join(f"{size}\n" for size in sizes), content_type=_PLAIN)


@public_page
def one(request: HttpRequest, size: int) -> HttpResponse:
    """`/audit/checkpoints/{size}.txt`: one checkpoint, as it was signed."""
    found = next((path for path in queries.checkpoint_files() if int(path.stem) == size), None)
    if found is None:
        raise Http404
    return HttpResponse(found.read_bytes(), content_type=_PLAIN)


@public_page
def key(request: HttpRequest) -> HttpResponse:
    """`/audit/key.txt`: the public key by which anyone checks a checkpoint, in hex."""
    try:
        return HttpResponse(f"{store.public_key().hex()}\n", content_type=_PLAIN)
    except NotConfigured as missing:
        raise Http404 from missing
