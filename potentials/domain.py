"""The range that a model was made for, as far as a program can check it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Strict

if TYPE_CHECKING:
    from collections.abc import Iterable


class Domain(Strict):
    """Where a model can be expected to hold; outside it, it extrapolates.

    Attributes
    ----------
    systems
        Sets of elements that it was made for, such as ``Li-Si``; every part of such a set counts. Empty: all of them.
    needs
        Elements without which it means nothing, such as oxygen for a model of oxides.
    excludes
        Sets of elements that it is known to get wrong although they lie inside the others.
    highest_temperature_K, highest_pressure_GPa
        Up to where it was tested; None where nobody says.
    """

    systems: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    highest_temperature_K: float | None = None
    highest_pressure_GPa: float | None = None

    def outside(
        self, symbols: Iterable[str], *, temperature_K: float | None = None, pressure_GPa: float | None = None
    ) -> list[str]:
        """Return what lies outside, each a phrase; an empty list says that all is inside.

        Parameters
        ----------
        symbols
            Elements of the system.
        temperature_K, pressure_GPa
            The highest of the simulation.
        """
        present = set(symbols)
        name = "-".join(sorted(present))
        found = []
        if self.systems and not any(present <= set(system.split("-")) for system in self.systems):
            found.append(f"it was made for {', '.join(self.systems)} and not for {name}")
        missing = [symbol for symbol in self.needs if symbol not in present]
        if missing:
            found.append(f"it was made for systems with {', '.join(missing)}")
        wrong = [system for system in self.excludes if set(system.split("-")) == present]
        if wrong:
            found.append(f"it is known to be wrong for {', '.join(wrong)}")
        limits = (
            (temperature_K, self.highest_temperature_K, "K"),
            (pressure_GPa, self.highest_pressure_GPa, "GPa"),
        )
        for value, limit, unit in limits:
            if value is not None and limit is not None and value > limit:
                found.append(f"it was tested up to {limit:g} {unit} and not at {value:g} {unit}")
        return found
