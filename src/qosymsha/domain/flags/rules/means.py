"""Rules about means: whose device and network speak for a family, and how close together families speak."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qosymsha.domain.flags.rules.evidence import (
    FEW_FAMILIES,
    Month,
    Numbers,
    Truths,
    distinct,
    near,
    pairs,
    window,
)
from qosymsha.domain.flags.rules.signals import Signal, ramp

_OWN = 0.3  # the family's own phone, known from its scans, spoke: little is left of the suspicion


def confirmed_on_marking_device(month: Month, limits: Mapping[str, int]) -> Signal:
    """The month was confirmed with a device that marks lessons for this provider."""
    places = month.places
    is_theirs = month.marks(places["provider"], places["confirm_device"]) & (places["is_confirm_point"] == 0)
    families = distinct(pairs(places["provider"], places["confirm_device"]), places["family"], known=is_theirs)
    return Signal(is_theirs.astype(np.float64), {"families": families})


def confirmed_on_marking_network(month: Month, limits: Mapping[str, int]) -> Signal:
    """The month was confirmed from the provider's network, by a device never seen in the family's hands."""
    places = month.places
    network = places["confirm_network"]
    known = np.isin(pairs(places["provider"], network), month.provider_networks)
    is_theirs = (network != 0) & known & (places["is_confirm_point"] == 0)
    families = distinct(pairs(places["provider"], network), places["family"], known=is_theirs)
    many = ramp(families, limits["families"] - 1, 2 * limits["families"])
    return Signal(np.where(is_theirs & ~month.own_confirmation, many, 0.0), {"families": families})


def shared_confirming_device(month: Month, limits: Mapping[str, int]) -> Signal:
    """One device confirmed for many families, nearly all of one provider, and it is no registered point."""
    places = month.places
    device = places["confirm_device"]
    known = (device != 0) & (places["is_confirm_point"] == 0)
    families = distinct(device, places["family"], known=known)
    providers = np.maximum(distinct(device, places["provider"], known=known), _reach(month, device))
    within = distinct(pairs(places["provider"], device), places["family"], known=known)
    is_concentrated = (providers <= limits["providers"]) | (within * 1000 >= limits["one_provider_permille"] * families)
    is_narrow = np.where(providers >= limits["point_providers"], 0.0, 1.0)
    strength = np.where(is_concentrated, ramp(within, limits["families"] - 1, 2 * limits["families"]), 0.0)
    return Signal(strength * is_narrow, {"families": families, "providers": providers})


def _reach(month: Month, device: Numbers) -> Numbers:
    if not month.beyond.reach:
        return np.zeros(len(device), np.int64)
    return np.array([month.beyond.reach.get(int(one), 0) for one in device], np.int64)


def confirmed_in_burst(month: Month, limits: Mapping[str, int]) -> Signal:
    """Families of one provider confirmed within `seconds` of each other, far more than the city's pulse explains."""
    places = month.places
    at, provider = places["confirmed_at"], places["provider"]
    known = (at > 0) & (places["is_confirm_point"] == 0)
    width, more = window(at, limits["seconds"])
    once = np.flatnonzero(known)
    once = once[np.unique(pairs(provider[once], places["family"][once]), return_index=True)[1]]
    together = np.zeros(len(at), np.int64)
    together[once] = near(provider[once], at[once], width)
    together = _of_family(together, pairs(provider, places["family"]), known)
    pulse = month.beyond.pulse if month.beyond.pulse is not None else np.sort(at[at > 0])
    city = np.searchsorted(pulse, at + width, "right") - np.searchsorted(pulse, at - width, "left") - together
    families = distinct(provider, places["family"])
    expected = np.maximum(city, 0) * families / np.maximum(len(pulse), 1)
    strength = ramp(together - 3 * expected - more, limits["families"] - 1, limits["families"] + 2)
    strength = np.where(
        known & (together >= limits["families"] + more), strength * np.where(month.own_confirmation, _OWN, 1.0), 0.0
    )
    return Signal(strength, {"families": together, "seconds": np.full(len(at), 2 * width or 60, np.int64)})


def _of_family(values: Numbers, family: Numbers, known: Truths) -> Numbers:
    """Give every place of a family the value that its first place has."""
    index = np.unique(family, return_inverse=True)[1].reshape(-1)
    most = np.zeros(int(index.max(initial=-1)) + 1, np.int64)
    np.maximum.at(most, index, values)
    return np.where(known, most[index], 0)


def scanned_on_marking_device(month: Month, limits: Mapping[str, int]) -> Signal:
    """The lesson's code was read by a device that marks lessons for the same provider."""
    device = month.cells["scan_device"]
    is_theirs = month.marks(month.of["provider"], device) & (month.cells["scan_at"] > 0)
    families = distinct(pairs(month.of["provider"], device), month.of["family"], known=is_theirs)
    return Signal(is_theirs.astype(np.float64), {"families": families}, is_cells=True)


def shared_scanning_device(month: Month, limits: Mapping[str, int]) -> Signal:
    """One device read the code of one lesson for many families."""
    device = month.cells["scan_device"]
    known = (device != 0) & (month.cells["scan_at"] > 0) & (month.cells["is_scan_point"] == 0)
    families = distinct(pairs(month.session, device), month.of["family"], known=known)
    strength = ramp(families, limits["families"] - 1, limits["families"] + 2)
    return Signal(np.where(known, strength, 0.0), {"families": families}, is_cells=True)


def never_by_own_means(month: Month, limits: Mapping[str, int]) -> Signal:
    """All that was ever said for the family came from the provider's or a much shared device."""
    places = month.places
    device = places["confirm_device"]
    known = (device != 0) & (places["is_confirm_point"] == 0)
    families = distinct(device, places["family"], known=known)
    foreign = month.marks(places["provider"], device) | (families > FEW_FAMILIES)
    own = month.per_place(month.has_own_scan)
    family_own = _of_family(own, places["family"], np.ones(len(own), np.bool_))
    strength = np.where(known & foreign & (family_own == 0), 1.0, 0.0)
    wide = _reach(month, device) >= limits["point_providers"]
    wide |= distinct(device, places["provider"], known=known) >= limits["point_providers"]
    return Signal(np.where(wide, 0.0, strength), {"families": families})
