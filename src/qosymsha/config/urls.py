"""All addresses: `/{kk|ru|en}/…` for pages, doors by prefix. No GET changes anything."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from qosymsha.interfaces.family import here
from qosymsha.interfaces.public import audit, health, views
from qosymsha.interfaces.signin import identity

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/callback/", identity.come_back, name="sign-in-callback"),  # one address, as the provider knows it
    path("V/<str:code>", here.scanned, name="scanned"),  # the picture at the venue: capitals, short, no language
    # Plain addresses for programs that keep copies: no language, no page.
    path("audit/checkpoint.txt", audit.newest, name="audit-checkpoint"),
    path("audit/checkpoints/", audit.every, name="audit-checkpoints"),
    path("audit/checkpoints/<int:size>.txt", audit.one, name="audit-one-checkpoint"),
    path("audit/key.txt", audit.key, name="audit-key"),
    path("health/", health.ready, name="health"),
    path("health/live/", health.live, name="health-live"),
    *i18n_patterns(
        path("", include("qosymsha.interfaces.public.urls")),
        path("", include("qosymsha.interfaces.signin.urls")),
        path("family/", include("qosymsha.interfaces.family.urls")),
        path("provider/", include("qosymsha.interfaces.provider.urls")),
        path("office/", include("qosymsha.interfaces.office.urls")),
        prefix_default_language=True,
    ),
]
handler404 = "qosymsha.interfaces.public.views.not_found"
handler500 = "qosymsha.interfaces.public.views.broken"
