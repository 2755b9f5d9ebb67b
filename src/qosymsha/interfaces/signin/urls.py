"""The addresses of the way in and out, below the language."""

from __future__ import annotations

from django.urls import path

from qosymsha.interfaces.signin import identity, proving, security, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/begin/", identity.begin, name="sign-in-begin"),
    path("sign-in/demo/", views.be_demo_person, name="sign-in-demo"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("no-rights/", views.no_rights, name="no-rights"),
    path("step-up/", proving.step_up, name="step-up"),
    path("step-up/identity/", identity.begin_anew, name="step-up-identity"),
    path("step-up/code/", proving.send_code, name="step-up-code"),
    path("step-up/passkey/", proving.ask_passkey, name="step-up-passkey"),
    path("first-factor/", proving.add_first, name="first-factor"),
    path("second-factor/", proving.add_app, name="second-factor"),
    path("security/", security.security, name="security"),
    path("security/passkeys/", security.add, name="security-passkeys"),
    path("security/passkeys/ask/", security.ask_to_add, name="security-passkeys-ask"),
    path("security/passkeys/<uuid:passkey_uuid>/name/", security.rename, name="security-passkey-name"),
    path("security/passkeys/<uuid:passkey_uuid>/remove/", security.remove, name="security-passkey-remove"),
    path("security/app/remove/", security.remove_app, name="security-app-remove"),
    path("security/codes/", security.codes, name="security-codes"),
    path("visits/", security.places, name="visits"),
]
