"""All addresses: `/{kk|ru|en}/…` for pages, doors by prefix. No GET changes anything."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("", include("qosymsha.interfaces.public.urls"))]
