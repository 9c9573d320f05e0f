"""The MDAnalysis classes give what the arrays give, in a tilted cell that changes with time."""

from __future__ import annotations

import MDAnalysis
import numpy as np
import pytest
from anodeflow.analysis.mda_transport import LayerProfile, TracerDiffusivity
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.walks import brownian_walk
from anodeflow.errors import InputError
from MDAnalysis.coordinates.memory import MemoryReader

BOX = np.array([20.0, 22.0, 25.0, 80.0, 95.0, 110.0], dtype=np.float32)


def universe(positions, boxes, step_ps=0.2):
    atoms = positions.shape[1]
    made = MDAnalysis.Universe.empty(atoms, trajectory=True)
    made.add_TopologyAttr("elements", ["Li" if i % 2 else "Si" for i in range(atoms)])
    made.load_new(positions.astype(np.float32), format=MemoryReader, dimensions=boxes, dt=step_ps, order="fac")
    return made


@pytest.mark.parametrize("breathing", [0.0, 0.01])
def test_agrees_with_the_walk_that_was_made(breathing):
    rng = np.random.default_rng(1)
    frames, atoms = 300, 60
    walk, truth = brownian_walk(rng, ions=atoms, frames=frames, diffusivity=0.05)
    walk -= walk[0]
    walk -= walk.mean(axis=1, keepdims=True)
    boxes = np.repeat(BOX[None], frames, axis=0)
    boxes[:, :3] *= 1 + breathing * np.sin(np.arange(frames) / 7)[:, None]
    cell = np.array(MDAnalysis.lib.mdamath.triclinic_vectors(BOX), dtype=float)
    cells = np.array([MDAnalysis.lib.mdamath.triclinic_vectors(box) for box in boxes], dtype=float)
    fractional = np.mod(rng.random((atoms, 3)) + walk @ np.linalg.inv(cell), 1.0)
    made = universe(np.einsum("fni,fij->fnj", fractional, cells), boxes)
    run = TracerDiffusivity(made.atoms, "Li", wrapped=True).run()
    expected = tracer_diffusivity(walk[:, 1::2], time_step_ps=0.2).quantity
    found = run.results.tracer.quantity
    assert found.species == "Li"
    assert found.value == pytest.approx(expected.value, rel=0.1 if breathing else 1e-3)
    assert found.value == pytest.approx(truth / 0.2 * 1e-4, rel=0.15)
    later = TracerDiffusivity(made.atoms, "Li", wrapped=True).run(start=50, step=2)
    assert later.results.tracer.duration_ps == pytest.approx(0.4 * (125 - 1))
    layers = LayerProfile(made.atoms, "Li", wrapped=True, diffusion_layer_A=8.0).run()
    volume = abs(np.linalg.det(cells[0]))
    assert layers.results.density.density_per_A3["Si"].mean() == pytest.approx(30 / volume, rel=0.05)
    assert len(layers.results.diffusion.parallel) == 3


def test_bad_groups():
    made = universe(np.zeros((10, 4, 3)), np.repeat(BOX[None], 10, axis=0))
    with pytest.raises(InputError, match="no Na"):
        TracerDiffusivity(made.atoms, "Na").run()
    with pytest.raises(InputError, match="one frame"):
        TracerDiffusivity(made.atoms, "Li").run(stop=1)
