"""`qosymsha doctor` on the keys that seal people's data: whether the settings have each that a row asks for."""

from __future__ import annotations

from django.conf import settings

from qosymsha.interfaces.cli import sealed

NAME = "keys"
_RUNBOOK = "docs/runbooks/keys.md"


def keys_line() -> tuple[str, bool, str, str]:
    """(name, whether it is right, what was found, what to do)."""
    if unfit := sealed.unfit_keys():
        return NAME, False, "; ".join(unfit), f"put QOSYMSHA_SECRET_KEYS right and restart; {_RUNBOOK}"
    known, met = list(settings.SECRET_KEYS), sealed.met()
    missing = sorted(set(met) - set(known))
    if missing:
        found = "; ".join(f"no setting has {key}, and rows of {', '.join(met[key])} stand under it" for key in missing)
        advice = "put it back behind the first key of QOSYMSHA_SECRET_KEYS and restart: until then these rows stay"
        return NAME, False, found, f"{advice} closed; {_RUNBOOK}"
    older = [key for key in known[1:] if key in met]
    found = f"{known[0]} seals"
    found += f"; rows still stand under {', '.join(older)}: `qosymsha keys rotate`" if older else ", every row opens"
    return NAME, True, found if settings.PRODUCTION else f"the trial's own, fit for invented people only: {found}", ""
