"""The addresses of the way in and out, below the language."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.signin import identity, proving, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/begin/", identity.begin, name="sign-in-begin"),
    path("sign-in/demo/", views.be_demo_person, name="sign-in-demo"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("no-rights/", views.no_rights, name="no-rights"),
    path("step-up/", proving.step_up, name="step-up"),
    path("step-up/identity/", identity.begin_anew, name="step-up-identity"),
    path("step-up/code/", proving.send_code, name="step-up-code"),
    path("second-factor/", proving.add_app, name="second-factor"),
]
