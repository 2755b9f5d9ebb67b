"""The meritorious rule (Soenmez and Yenmez 2022): reserved places when one application may claim several of them.

Applications come in their order; one is admitted whenever all admitted so far and itself can hold a reserved place
at the same time, moving earlier ones between places they claim if need be. So as many reserved places are used as
possible, by the best. Claims are bit masks over the segment's list of reserves, and applications with equal claims
are counted, not listed: a step costs a walk over the reserves, never over people.
"""

from collections.abc import Sequence


class ReservedPlaces:
    """The reserved places of one segment and who holds them, by equal claims."""

    def __init__(self, places: Sequence[int]) -> None:
        """Start with `places` free per reserve, in the order listed."""
        self._free = list(places)
        self._held: dict[int, list[int]] = {}
        self._hopeless: set[int] = set()

    def admit(self, claims: int) -> bool:
        """Give one more application with these claims a place if all can hold one together; say whether."""
        if not self.could_admit(claims):
            return False
        reserve = next(reserve for reserve in self._listed(claims) if self._free[reserve])
        self._take(claims, reserve)
        return True

    def could_admit(self, claims: int) -> bool:
        """Say whether one more with these claims could be admitted; earlier ones may be moved to free its place."""
        if claims in self._hopeless:
            return False
        if any(self._make_room(reserve) for reserve in self._listed(claims)):
            return True
        # What could not be freed now never will be: admitting others only fills more places.
        self._hopeless.add(claims)
        return False

    def settle(self, claims: Sequence[int]) -> list[int]:
        """Return the reserve that each admitted application ends in; `claims` are those admitted, in their order.

        In that order, each gets the first listed reserve it claims that still leaves all later ones a place.
        """
        return [self._settle_one(mask) for mask in claims]

    def _settle_one(self, claims: int) -> int:
        held = self._held[claims]
        for reserve in self._listed(claims):
            if held[reserve]:
                held[reserve] -= 1
                return reserve
            given_up = next(other for other, count in enumerate(held) if count)
            held[given_up] -= 1
            self._free[given_up] += 1
            if self._make_room(reserve):
                self._free[reserve] -= 1
                return reserve
            held[given_up] += 1
            self._free[given_up] -= 1
        raise AssertionError("an admitted application has a place")

    def _listed(self, claims: int) -> list[int]:
        return [reserve for reserve in range(len(self._free)) if claims >> reserve & 1]

    def _take(self, claims: int, reserve: int) -> None:
        self._free[reserve] -= 1
        self._held.setdefault(claims, [0] * len(self._free))[reserve] += 1

    def _make_room(self, reserve: int) -> bool:
        """Free one place of `reserve` by moving holders along, breadth first; False and nothing moved if it cannot
        be done.
        """
        came_from: dict[int, tuple[int, int]] = {}
        seen, front = {reserve}, [reserve]
        for here in front:
            if self._free[here]:
                self._move_along(here, reserve, came_from)
                return True
            for claims, held in self._held.items():
                if held[here]:
                    for other in self._listed(claims):
                        if other not in seen:
                            seen.add(other)
                            front.append(other)
                            came_from[other] = (here, claims)
        return False

    def _move_along(self, free: int, reserve: int, came_from: dict[int, tuple[int, int]]) -> None:
        while free != reserve:
            source, claims = came_from[free]
            self._held[claims][source] -= 1
            self._free[source] += 1
            self._take(claims, free)
            free = source
