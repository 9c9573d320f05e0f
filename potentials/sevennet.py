"""SevenNet, evaluated for molecular dynamics: a neighbour list with a skin, and one pass back for forces and stress.

The network is that of the ``sevenn`` package (Y. Park et al., J. Chem. Theory Comput. 20 (2024) 4857) with its own
weights. Its own calculator makes a neighbour list at every step, works in single precision only, and gives
no stress of single atoms unless asked.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import EngineError, InputError
from .bond_model import SKIN_A, BondCalculator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bonds import Edges


class SevennetCalculator(BondCalculator):
    """Energy, forces and stress of a SevenNet model for ASE.

    Parameters
    ----------
    weights
        Path of a SevenNet checkpoint. It is a pickle: take only a file that is known, as a card's is by its hash.
    fidelity
        Which of the levels of theory that the model was trained on together, such as ``R2SCAN``; None for a model of
        one level.
    precision
        ``single`` as the network was trained, or ``double``, for relaxations that single precision would stall.
    skin_A
        How much farther than the cut-off neighbours are looked for, so that the list lasts for many steps.
    """

    def __init__(
        self,
        weights: str,
        fidelity: str | None = None,
        precision: Literal["single", "double"] = "single",
        skin_A: float = SKIN_A,
    ) -> None:
        if precision not in ("single", "double"):
            raise InputError(f"precision is single or double and not {precision}", where="model.arguments.precision")
        try:
            import torch
            from sevenn.util import load_checkpoint
        except ImportError as error:
            raise EngineError(
                f"SevenNet cannot be imported: {error}", remedy="Install it with: pip install 'anodeflow[sevennet]'."
            ) from None
        self._torch = torch
        self._type = torch.float64 if precision == "double" else torch.float32
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would have us install faster kernels for graphics cards
            model: Any = load_checkpoint(weights).build_model()
        levels = sorted(model.modal_map or ())
        if (fidelity is None) == bool(levels) or (levels and fidelity not in levels):
            raise InputError(
                f"the model has {'the levels ' + ', '.join(levels) if levels else 'one level'}, and not {fidelity}",
                where="model.arguments.fidelity",
            )
        super().__init__(float(model.cutoff), skin_A)
        model.set_is_batch_data(False)
        if fidelity is not None:
            model.prepare_modal_deploy(fidelity)
        model.delete_module_by_key("force_output")  # of bonds, which are ours
        self._known = frozenset(model.type_map)
        self._model = model.to(self._type).eval().requires_grad_(False)

    def energy_and_gradient(self, numbers: NDArray[np.int64], edges: Edges) -> tuple[float, NDArray[np.float64]]:
        """Return the energy in eV and its derivative with respect to each directed bond, shape (M, 3), in eV/Å."""
        import sevenn._keys as key

        torch = self._torch
        unknown = sorted({int(number) for number in numbers} - self._known)
        if unknown:
            raise InputError(f"the model knows no element of atomic number {unknown[0]}", where="atoms.numbers")
        vectors = torch.tensor(edges.vectors_A, dtype=self._type, requires_grad=True)
        kinds = torch.from_numpy(numbers)
        data = {
            key.NODE_FEATURE: kinds,
            key.ATOMIC_NUMBERS: kinds,
            key.EDGE_IDX: torch.from_numpy(np.stack([edges.neighbour, edges.centre])),
            key.EDGE_VEC: vectors,
            key.NUM_ATOMS: torch.tensor(len(numbers)),
        }
        sites = self._run(data)[key.ATOMIC_ENERGY].ravel()
        (gradient,) = torch.autograd.grad(sites.sum(), vectors)
        # summed in double precision: a sum in single precision would lose a digit for each power of ten of atoms
        return float(sites.detach().to(torch.float64).sum()), gradient.to(torch.float64).numpy()

    def _run(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return `data` after all layers; those that write single precision whatever they get are put right."""
        data = self._model._preprocess(data)
        for layer in self._model:
            data = layer(data)
            for name, value in data.items():
                if value.is_floating_point() and value.dtype != self._type:
                    data[name] = value.to(self._type)
        return data
