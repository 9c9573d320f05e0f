"""CHGNet, evaluated for molecular dynamics: a neighbour list with a skin, and one pass back for forces and stress.

The network is that of the ``chgnet`` package (B. Deng et al., Nat. Mach. Intell. 5 (2023) 1031) with its own weights.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import EngineError, InputError
from .bond_model import SKIN_A, BondCalculator
from .chgnet_graph import BondGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bonds import Edges


class ChgnetCalculator(BondCalculator):
    """Energy, forces and stress of CHGNet for ASE.

    Parameters
    ----------
    weights
        Path of a CHGNet checkpoint.
    precision
        ``single`` as the network was trained, or ``double``, for relaxations that single precision would stall.
    skin_A
        How much farther than the cut-off neighbours are looked for, so that the list lasts for many steps.
    """

    def __init__(self, weights: str, precision: Literal["single", "double"] = "single", skin_A: float = SKIN_A) -> None:
        if precision not in ("single", "double"):
            raise InputError(f"precision is single or double and not {precision}", where="model.arguments.precision")
        try:
            import torch
            from chgnet.model.model import CHGNet
        except ImportError as error:
            raise EngineError(
                f"CHGNet cannot be imported: {error}", remedy="Install it with: pip install 'anodeflow[ml]'."
            ) from None
        with contextlib.redirect_stdout(io.StringIO()):  # it greets
            model: Any = CHGNet.from_file(weights)
        super().__init__(float(model.graph_converter.atom_graph_cutoff), skin_A)
        self._torch = torch
        self._type = torch.float64 if precision == "double" else torch.float32
        self._model = model.to(self._type).eval().requires_grad_(False)
        reference = model.composition_model
        self._references_eV = reference.fc.weight.detach().to(torch.float64).numpy().ravel()
        self._bond_cutoff_A = float(model.graph_converter.bond_graph_cutoff)

    def energy_and_gradient(self, numbers: NDArray[np.int64], edges: Edges) -> tuple[float, NDArray[np.float64]]:
        """Return the energy in eV and its derivative with respect to each directed bond, shape (M, 3), in eV/Å."""
        from chgnet.model.model import BatchedGraph

        torch, model = self._torch, self._model
        graph = BondGraph.of(edges, self._bond_cutoff_A)
        vectors = torch.tensor(graph.vectors_A, dtype=self._type, requires_grad=True)
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        unit = vectors / lengths[:, None]
        undirected = lengths[torch.from_numpy(graph.one_of_two)]
        expansion = model.bond_basis_expansion
        pairs = torch.from_numpy(graph.pairs)
        angles = torch.tensor([])
        if len(pairs):
            angles = model.angle_basis_expansion(unit[pairs[:, 2]], unit[pairs[:, 4]])
        batch = BatchedGraph(
            atomic_numbers=torch.from_numpy(numbers),
            bond_bases_ag=expansion.rbf_expansion_ag(undirected),
            bond_bases_bg=expansion.rbf_expansion_bg(undirected),
            angle_bases=angles,
            batched_atom_graph=torch.from_numpy(np.stack([graph.centre, graph.neighbour], axis=1)),
            batched_bond_graph=pairs[:, [0, 1, 3]],
            atom_owners=torch.zeros(len(numbers), dtype=torch.int64),
            directed2undirected=torch.from_numpy(graph.undirected),
            atom_positions=[vectors],
            strains=[],
            volumes=[],
        )
        prediction = model._compute(batch, return_site_energies=True)
        sites = prediction["site_energies"][0]
        (gradient,) = torch.autograd.grad(sites.sum(), vectors)
        # summed in double precision: a sum in single precision would lose a digit for each power of ten of atoms
        energy = float(sites.detach().to(torch.float64).sum()) + float(self._references_eV[numbers - 1].sum())
        return energy, gradient.to(torch.float64).numpy()
