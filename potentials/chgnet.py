"""CHGNet, evaluated for molecular dynamics: a neighbour list with a skin, and one pass back for forces and stress.

The network is that of the ``chgnet`` package (B. Deng et al., Nat. Mach. Intell. 5 (2023) 1031) with its own weights.
Its energy depends on the vectors of the bonds alone, so the derivative with respect to them is all that is needed:
F_i = −Σ dE/dr over the bonds that start at i, + Σ over those that end there, and the virial is Σ r ⊗ dE/dr.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from ..errors import EngineError, InputError
from .chgnet_graph import BondGraph, NeighbourList

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

_SKIN_A = 1.0
_FIRST, _SECOND = (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)
"""Components of a symmetric tensor in ASE's order."""


class ChgnetCalculator(Calculator):
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

    implemented_properties: list[str] = ["energy", "free_energy", "forces", "stress", "stresses"]  # noqa: RUF012 - declared so by ASE

    def __init__(
        self, weights: str, precision: Literal["single", "double"] = "single", skin_A: float = _SKIN_A
    ) -> None:
        super().__init__()
        if precision not in ("single", "double"):
            raise InputError(f"precision is single or double and not {precision}", where="model.arguments.precision")
        try:
            import torch
            from chgnet.model.model import CHGNet
        except ImportError as error:
            raise EngineError(
                f"CHGNet cannot be imported: {error}", remedy="Install it with: pip install 'anodeflow[ml]'."
            ) from None
        self._torch = torch
        with contextlib.redirect_stdout(io.StringIO()):  # it greets
            model: Any = CHGNet.from_file(weights)
        self._type = torch.float64 if precision == "double" else torch.float32
        self._model = model.to(self._type).eval().requires_grad_(False)
        reference = model.composition_model
        self._references_eV = reference.fc.weight.detach().to(torch.float64).numpy().ravel()
        self._bond_cutoff_A = float(model.graph_converter.bond_graph_cutoff)
        self._neighbours = NeighbourList(float(model.graph_converter.atom_graph_cutoff), skin_A)

    def forget(self) -> None:
        """Make a new neighbour list at the next evaluation, as a new process would."""
        self._neighbours.forget()
        self.reset()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate `atoms`; called by ASE."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        now = cast("Atoms", self.atoms)
        if not all(now.pbc) or now.cell.rank < 3:
            raise InputError("CHGNet needs a cell that is periodic in three directions", where="atoms.pbc")
        numbers = np.asarray(now.numbers, dtype=np.int64)
        edges = self._neighbours.edges(np.asarray(now.positions), np.asarray(now.cell), numbers)
        if not np.isfinite(edges.vectors_A).all():
            raise EngineError("positions are not numbers (non-numeric coordinates)")
        graph = BondGraph.of(edges, self._bond_cutoff_A)
        energy, gradient = self._energy_and_gradient(numbers, graph)
        count, volume = len(numbers), now.cell.volume
        forces = _sums(graph.neighbour, gradient, count) - _sums(graph.centre, gradient, count)
        # the share of a bond in the virial belongs half to either end, as that of a pair potential does
        bonds = graph.vectors_A
        tensors = (bonds[:, _FIRST] * gradient[:, _SECOND] + bonds[:, _SECOND] * gradient[:, _FIRST]) / 2
        stresses = (_sums(graph.centre, tensors, count) + _sums(graph.neighbour, tensors, count)) / (2 * volume)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": stresses.sum(axis=0),
            "stresses": stresses,
        }

    def _energy_and_gradient(self, numbers: NDArray[np.int64], graph: BondGraph) -> tuple[float, NDArray[np.float64]]:
        """Return the energy in eV and its derivative with respect to each directed bond, shape (M, 3), in eV/Å."""
        from chgnet.model.model import BatchedGraph

        torch, model = self._torch, self._model
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


def _sums(owner: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the sums of the rows of `values` that belong to each of `count` owners."""
    return np.stack([np.bincount(owner, column, count) for column in values.T], axis=1)
