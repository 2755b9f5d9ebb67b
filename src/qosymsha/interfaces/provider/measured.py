"""What was measured of the provider and its groups, as families see it, with the formula."""

from __future__ import annotations

from django.http import HttpResponse

from qosymsha.domain.figures.access import Action
from qosymsha.domain.figures.queries import stored
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page


@allowed(Action.READ_OWN_MEASURES)
def measured(request: SignedRequest) -> HttpResponse:
    """`/provider/measured/`: the shares that stand on the groups' public pages."""
    provider_id = managed(request)
    groups = stored.rated_groups(actor=request.actor, provider_id=provider_id)
    return page(request, "provider/measured.html", rated=stored.rated_provider(provider_id), groups=groups)
