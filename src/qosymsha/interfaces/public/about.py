"""Pages about the service: where families get help, open figures, accessibility, the design language, no network."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.casework import queries as casework
from qosymsha.domain.insights.queries import openness
from qosymsha.interfaces.ui.doors import context, public_page


@public_page
def points(request: HttpRequest) -> HttpResponse:
    """`/{language}/points/`: every consultation point with its district, address and days, as far as they are known."""
    found = [(point, [f"day.{day}" for day in point.days]) for point in casework.points()]
    return render(request, "public/points.html", context(request) | {"places": found})


@public_page
def open_figures(request: HttpRequest) -> HttpResponse:
    """`/{language}/open/`: money by line and month, roots of closed lists, whom the absence rules hit."""
    figures = {
        "lines": [(line, f"kind.{line.kind}") for line in openness.lines()],
        "months": [(month, f"kind.{month.kind}") for month in openness.months()],
        "roots": openness.roots(),
        "shares": [(share, f"equity.{share.group}") for share in openness.absences()],
    }
    return render(request, "public/open.html", context(request) | figures)


@public_page
def accessibility(request: HttpRequest) -> HttpResponse:
    """`/{language}/accessibility/`: what works, how it is checked, what is missing."""
    return render(request, "public/accessibility.html", context(request))


@public_page
def design(request: HttpRequest) -> HttpResponse:
    """`/{language}/design/`: the components with their states, as they are in use."""
    colours = ("paper", "card", "ink", "soft", "line", "deep", "sun", "tint", "good", "bad", "focus")
    return render(request, "public/design.html", context(request) | {"colours": colours})


@public_page
def offline(request: HttpRequest) -> HttpResponse:
    """`/{language}/offline/`: what to do without a network; asks the database nothing, so that it may be kept."""
    return render(request, "public/offline.html", context(request))
