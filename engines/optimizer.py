"""A limited-memory quasi-Newton step whose whole memory can be put on disk and taken up again, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_MEMORY = 25
_SOFTEST, _STIFFEST = 2.0, 100.0  # bounds of the initial curvature in eV/Å^2


@dataclass
class QuasiNewton:
    """L-BFGS on forces alone, without line search; after Nocedal, Math. Comput. 35 (1980) 773.

    For elastic bands all images are one vector, which converges in the fewest force calls (Sheppard, Terrell,
    Henkelman, J. Chem. Phys. 128 (2008) 134106). The forces need not derive from an energy.

    Attributes
    ----------
    max_step_A
        Longest displacement of an atom in one step, in Å.
    curvature_eV_A2
        What the first step takes for the curvature, in eV/Å².
    """

    max_step_A: float = 0.1
    curvature_eV_A2: float = 20.0
    steps: list[Array] = field(default_factory=list)
    changes: list[Array] = field(default_factory=list)
    last_positions: Array | None = None
    last_forces: Array | None = None

    def step(self, positions: Array, forces: Array) -> Array:
        """Return the displacement to make, in Å, with the shape of `positions`.

        Parameters
        ----------
        positions, forces
            Shape (..., 3), in Å and eV/Å.
        """
        x, f = positions.ravel(), forces.ravel()
        if self.last_positions is not None and self.last_forces is not None:
            self._learn(x - self.last_positions, self.last_forces - f, f)
        direction = self._direction(f)
        if direction @ f <= 0:  # a memory that points uphill is of no use
            self.forget()
            direction = self._direction(f)
        longest = float(np.linalg.norm(direction.reshape(-1, 3), axis=1).max())
        if longest > self.max_step_A:
            direction = direction * (self.max_step_A / longest)
        self.last_positions, self.last_forces = x.copy(), f.copy()
        return direction.reshape(positions.shape)

    def _learn(self, step: Array, change: Array, forces: Array) -> None:
        assert self.last_forces is not None
        if np.linalg.norm(forces) > 2.0 * np.linalg.norm(self.last_forces):
            self.forget()
            return
        if step @ change > 1e-8 * np.linalg.norm(step) * np.linalg.norm(change):
            self.steps.append(step)
            self.changes.append(change)
            del self.steps[:-_MEMORY], self.changes[:-_MEMORY]

    def _direction(self, forces: Array) -> Array:
        pairs = list(zip(self.steps, self.changes, strict=True))
        q, weights = forces.copy(), []
        for step, change in reversed(pairs):
            weight = (step @ q) / (step @ change)
            weights.append(weight)
            q -= weight * change
        curvature = self.curvature_eV_A2
        if pairs:
            step, change = pairs[-1]
            curvature = float(np.clip((change @ change) / (step @ change), _SOFTEST, _STIFFEST))
        z = q / curvature
        for (step, change), weight in zip(pairs, reversed(weights), strict=True):
            z += step * (weight - (change @ z) / (step @ change))
        return z

    def forget(self) -> None:
        """Start afresh, as when the forces have changed their meaning."""
        self.steps.clear()
        self.changes.clear()
        self.last_positions = self.last_forces = None

    def arrays(self) -> dict[str, Array]:
        """Return the memory as arrays; `restore` takes it back."""
        found: dict[str, Array] = {}
        if self.steps:
            found |= {"optimizer_steps": np.array(self.steps), "optimizer_changes": np.array(self.changes)}
        if self.last_positions is not None and self.last_forces is not None:
            found |= {"optimizer_positions": self.last_positions, "optimizer_forces": self.last_forces}
        return found

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take over what `arrays` returned."""
        self.forget()
        if "optimizer_steps" in arrays:
            self.steps = list(arrays["optimizer_steps"])
            self.changes = list(arrays["optimizer_changes"])
        if "optimizer_positions" in arrays:
            self.last_positions = arrays["optimizer_positions"]
            self.last_forces = arrays["optimizer_forces"]
