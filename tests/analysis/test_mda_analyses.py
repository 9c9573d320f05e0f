from __future__ import annotations

import warnings

import MDAnalysis
import MDAnalysis.transformations
import numpy as np
import pytest
from anodeflow.analysis import mda
from anodeflow.analysis.reading import mda_reader  # noqa: F401 - the reader registers itself
from anodeflow.analysis.reading.displacements import walk
from anodeflow.analysis.reading.stream import DumpStream, observe
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.analysis.structure.bulk import RadialCounter, radial_distribution
from anodeflow.analysis.transport.msd import msd_by_element
from anodeflow.analysis.transport.walk_stream import stream_walk
from anodeflow.errors import InputError
from dumps import ORIGIN, random_walk, write_dump


@pytest.fixture
def run(tmp_path):
    positions = random_walk(frames=60, atoms=50, step_A=0.4)
    path = write_dump(tmp_path / "run.lammpstrj", positions, layout="x", flags=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {"format": "LAMMPSTEXT", "topology_format": "LAMMPSTEXT"}
        yield MDAnalysis.Universe(str(path), timestep_fs=2, **kinds), read_trajectory(path, timestep_fs=2), path


def test_each_gives_the_numbers_of_the_plain_functions(run):
    u, t, _ = run
    elements = ["Si", "Li"] * 25
    u.add_TopologyAttr("elements", elements)
    found = mda.MeanSquaredDisplacement(u.atoms, "Li").run(start=10, stop=50)
    plain = msd_by_element(t[10:50], ["Li"])["Li"]
    assert np.allclose(found.results.msd, plain.msd_A2, rtol=1e-4, atol=1e-6)
    assert np.allclose(found.results.lag_time, plain.lag_time_ps)
    rdf = mda.RadialDistributionFunction(u.atoms, "Li", "Si", r_max_A=4, bins=20).run(step=7)
    assert np.allclose(rdf.results.rdf.g, radial_distribution(t[::7], "Li", "Si", r_max_A=4, bins=20).g, atol=0.02)
    density = mda.SpeciesDensity(u.atoms, "Li", spacing_A=1.0).run()
    assert density.results.density.density_per_A3.mean() * t.volume[0] == pytest.approx(25, rel=1e-4)
    sites = np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]])
    record = mda.Jumps(u.atoms, "Li", sites, core_A=2.0).run().results.record
    assert record.occupation.shape == (60, 25)


def test_wrapped_universes_are_followed_by_small_steps(run):
    u, t, _ = run
    u.add_TopologyAttr("elements", ["Si", "Li"] * 25)
    wrapped = MDAnalysis.transformations.wrap(u.atoms)
    u.trajectory.add_transformations(wrapped)
    found = mda.MeanSquaredDisplacement(u.atoms, "Li", wrapped=True).run()
    assert np.allclose(found.results.msd, msd_by_element(t, ["Li"])["Li"].msd_A2, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("layout", ["xu", "x"])
@pytest.mark.parametrize("breathing", [False, True])
def test_streamed_walk_is_the_walk(tmp_path, layout, breathing):
    from test_msd import npt_walk

    truth, unwrapped, cells = npt_walk(frames=40, atoms=30)
    if not breathing:
        unwrapped, cells = random_walk(frames=40, atoms=30), np.broadcast_to(cells[0], cells.shape)
    path = write_dump(tmp_path / "run.dump", unwrapped + ORIGIN, cells, layout=layout)
    for drift in ("all", "Si", None):
        found = stream_walk(path, "Li", timestep_fs=2, drift=drift)
        plain = walk(read_trajectory(path, timestep_fs=2), "Li", drift=drift)
        assert np.allclose(found.displacements, plain, atol=1e-5)
    assert found.time_ps[3] == pytest.approx(0.6)
    if breathing:
        assert np.allclose(found.displacements, truth[:, 1::2], atol=1e-5)
    with pytest.raises(InputError, match="no P among Li, Si"):
        stream_walk(path, "P")


def test_one_pass_feeds_all_observers(run):
    _, t, path = run
    stream = DumpStream(path, timestep_fs=2)
    pairs = [("Li", "Li"), ("Li", "Si"), ("Si", "Si")]
    counters = [RadialCounter(stream.species, pair, 4.0, 20) for pair in pairs]
    seen = []
    assert observe(stream, counters, lambda done, total: seen.append((done, total))) == 60
    assert seen[-1] == (60, 60)
    for counter, pair in zip(counters, pairs, strict=True):
        assert np.allclose(counter.result().g, radial_distribution(t, *pair, r_max_A=4.0, bins=20).g)


def test_msd_of_a_dump_in_blocks_from_its_cache(tmp_path, monkeypatch):
    from anodeflow.analysis.reading import dump_cache
    from anodeflow.analysis.transport import msd_stream
    from anodeflow.analysis.transport.msd_stream import stream_msd

    monkeypatch.setattr(dump_cache, "_WORTH_IT", 0)
    positions = random_walk(frames=80, atoms=41) + np.arange(80)[:, None, None] * 0.05
    path = write_dump(tmp_path / "run.dump", positions)
    t = read_trajectory(path, timestep_fs=2)
    for drift in ("all", "Si", None):
        plain = msd_by_element(t, ["Li"], drift=drift)["Li"]
        for size in (1 << 26, 12 * 80 * 3):  # one block, and blocks of three atoms
            monkeypatch.setattr(msd_stream, "_BLOCK_BYTES", size)
            found = stream_msd(path, "Li", timestep_fs=2, drift=drift)
            assert np.allclose(found.msd_A2, plain.msd_A2, rtol=1e-5)
            assert np.allclose(found.lag_time_ps, plain.lag_time_ps)
    wrapped = write_dump(tmp_path / "w.dump", positions, layout="x")
    with pytest.raises(InputError, match="wrapped"):
        stream_msd(wrapped, "Li", timestep_fs=2)
