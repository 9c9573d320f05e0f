"""Ladders: the known barrier, honest failures, resumption, and what several hops give together."""

import json

import numpy as np
import pytest
from anodeflow.errors import InputError, NotConvergedError
from anodeflow.hpc.barriers import run_barrier
from anodeflow.hpc.local import run_flow
from anodeflow.hpc.store import read_result
from anodeflow.quantity import Quantity
from anodeflow.structures.hop_ends import CrystalHop
from anodeflow.structures.paths import Band
from anodeflow.structures.phases import phase
from anodeflow.workflows.barrier.band import band_below
from anodeflow.workflows.barrier.campaign import LevelSettings, read_barrier_campaign
from anodeflow.workflows.barrier.flow import BarrierMaker, barrier_flow
from anodeflow.workflows.barrier.results import compare_levels, diffusion_of_hops, percolation_quantities
from pymatgen.core import Lattice, Structure

MEAM = "LiSi-MEAM-Cui2012"

FILE = """
name: silicon
crystal: {phase: Si}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, images: 3, force_tolerance_eV_A: 0.01, image_distance_A: 10}
temperatures_K: [300, 900]
"""


def write(tmp_path, text=FILE):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return path


@pytest.mark.engine
def test_lithium_in_silicon_from_file_to_diffusivity(tmp_path):
    file = write(tmp_path)
    jobs, results, root = run_barrier(file, tmp_path / "run", cores=1)
    assert [job.state for job in jobs] == ["done"] * 3
    quantities = {entry["name"]: Quantity.from_dict(entry) for entry in reversed(results["quantities"])}
    barrier = quantities["migration_barrier"]
    assert barrier.converged and barrier.value == pytest.approx(0.5537, abs=0.003)
    assert quantities["reverse_barrier"].value == pytest.approx(barrier.value, abs=1e-4)
    assert quantities["path_length"].value > 2.35
    (row,) = results["levels"]
    assert row["saddle_confirmed"] is True and row["natoms"] == 65
    # one kind of hop on the tetrahedral network: D = 4 ν d² / 6, and the slope is the barrier
    a = quantities["cell_a"].value
    rate = next(q for q in results["quantities"] if q["name"] == "hop_rate" and "900 K" in q["method"])["value"]
    d = next(q for q in results["quantities"] if q["name"] == "carrier_diffusivity" and "900 K" in q["method"])["value"]
    assert d == pytest.approx(4 * rate * 3 * (a * 1e-8) ** 2 / 16 / 6, rel=1e-3)
    assert quantities["activation_energy"].value == pytest.approx(barrier.value, abs=2e-3)
    ways = [q["value"] for q in results["quantities"] if q["name"] == "percolation_barrier"]
    assert ways == [pytest.approx(barrier.value, abs=1e-6)] * 3
    for name in results["files"]:
        assert (root / name).stat().st_size > 100
    assert json.loads((root / "results.json").read_text()) == results
    page = (root / "report.html").read_text()
    assert "Energy along the path of T-H-T" in page and 'id="barrier-drawing0"' in page
    assert f'<data value="{barrier.value}"' in page
    again, same, _ = run_barrier(file, tmp_path / "run", cores=1)
    assert all(job.reused for job in again) and same["quantities"] == results["quantities"]


@pytest.mark.engine
def test_a_vacancy_in_an_oblique_crystal_and_a_band_that_may_not_finish(tmp_path):
    """Triclinic LiSi: one hop with too few steps says so, and gives no rate."""
    crystal = phase("LiSi").structure
    shear = np.array([[1, 0.03, 0.02], [0, 1, 0.02], [0, 0, 1]])
    crystal = Structure(Lattice(crystal.lattice.matrix @ shear), crystal.species, crystal.frac_coords)
    lithium = [i for i, site in enumerate(crystal) if site.specie.symbol == "Li"]
    near = min(lithium[1:], key=lambda i: crystal.get_distance(lithium[0], i))
    _, image = crystal[lithium[0]].distance_and_image(crystal[near])
    end = tuple(float(x) for x in crystal[near].frac_coords + image)
    hop = CrystalHop("vacancy", "Li", (tuple(float(x) for x in crystal[lithium[0]].frac_coords), end))
    level = LevelSettings(name=MEAM, images=3, steps=2, image_distance_A=5.5, vibrations="none")
    flow = BarrierMaker(levels=[level]).make(crystal, {"near": hop})
    jobs = run_flow(flow, tmp_path, cores=1)
    assert [job.state for job in jobs] == ["done"] * 3, [job.message for job in jobs]
    band = read_result(jobs[1].folder, jobs[1].hash)["output"]
    barrier = Quantity.from_dict(band["quantities"][0])
    assert not band["converged"] and not barrier.converged
    assert any("after 2 steps" in text for text in barrier.warnings)
    last = read_result(jobs[2].folder, jobs[2].hash)["output"]
    assert last["quantities"] == [] and "there are no rates" in last["warnings"][-1]


def test_a_band_of_the_level_below_comes_in_the_periodic_images_of_the_ends():
    """An atom on a face of the cell may be on the other one in the level below; the path is the same."""
    cell = np.array([[5.0, 0, 0], [0.8, 6, 0], [0.5, -0.7, 7]])
    path = np.array([[[0.1, 0.2, 0.3], [0.0, 0.5, 0.5]], [[0.3, 0.3, 0.3], [0.02, 0.5, 0.5]],
                     [[0.5, 0.4, 0.3], [0.0, 0.5, 0.5]]])  # fmt: skip
    ends = Band(("Li", "Sn"), cell, path[[0, 2]] @ cell)
    elsewhere = path + np.array([[0, 0, 0], [1, 0, -1]])
    plain = {"symbols": ["Li", "Sn"], "cell": 1.02 * cell, "positions": elsewhere @ (1.02 * cell), "climbing_image": 1}
    found = band_below({"band": plain}, ends, 3)
    np.testing.assert_allclose(found.positions, path @ cell, atol=1e-9)


def test_levels_that_disagree_are_flagged():
    def document(level, value):
        quantity = Quantity("migration_barrier", value, "eV").to_dict()
        return {"level": level, "quantities": [quantity], "converged": True, "force_calls": 1, "natoms": 9,
                "vibrations": None}  # fmt: skip

    rows, warnings = compare_levels(["hop"], [[document("a", 0.21)], [document("b", 0.55)]], 0.1)
    assert [row["barrier_eV"] for row in rows] == [0.21, 0.55]
    assert "b gives 0.550 eV and a 0.210 eV" in warnings[0]
    assert not compare_levels(["hop"], [[document("a", 0.51)], [document("b", 0.55)]], 0.1)[1]


def bands(energies, path, attempt, label):
    quantities = [
        Quantity("migration_barrier", energies[1] - energies[0], "eV", uncertainty=1e-3),
        Quantity("attempt_frequency", attempt, "THz"),
    ]
    return {
        "level": "model", "hop": label, "converged": True, "warnings": [],
        "quantities": [quantity.to_dict() for quantity in quantities],
        "crystal_hop": {"kind": "vacancy", "species": "Li", "path": path},
        "band": {"energies_eV": energies, "climbing_image": 1},
    }  # fmt: skip


def test_two_kinds_of_hops_in_a_row_are_as_slow_as_the_slower():
    """Li at two sites along a, short hop 0.2 eV, long hop 0.5 eV: the activation energy is the long one's."""
    crystal = Structure(Lattice([[5, 0, 0], [0.8, 9, 0], [0.5, -0.7, 9]]), ["Li", "Li", "S"],
                        [[0, 0, 0], [0.4, 0, 0], [0.7, 0.5, 0.45]])  # fmt: skip
    documents = [
        bands([0.0, 0.2, 0.0], [[0, 0, 0], [0.4, 0, 0]], 10.0, "short"),
        bands([0.0, 0.5, 0.0], [[0.4, 0, 0], [1, 0, 0]], 10.0, "long"),
    ]
    quantities, warnings = diffusion_of_hops(documents, crystal, [400.0])
    assert not warnings
    slope = next(q for q in quantities if q.name == "activation_energy")
    assert slope.value == pytest.approx(0.5, abs=1e-3)
    rate = 1e13 * np.exp(-0.5 / (8.617333262e-5 * 400))
    along = percolation_quantities(documents, crystal)
    assert [q.value for q in along] == [pytest.approx(0.5), None, None]
    assert "that of long" in along[0].method and "lead nowhere along b" in along[1].warnings[0]
    d = next(q for q in quantities if q.name == "carrier_diffusivity")
    assert d.value == pytest.approx(rate * 25 / 2 / 3 * 1e-16, rel=1e-3)  # two sites a period, one direction of three


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("species: Li", "species: Na", "does not describe Na"),
        ("phase: Si", "phase: Sj", "no phase is called 'Sj'"),
        ("LiSi-MEAM-Cui2012", "LiSi-MEAM-2012", "no level is called"),
        ("kind: interstitial", "kind: vacancy", "no Li in the crystal"),
        ("[0.75, 0.75, 0.75]", "[0.26, 0.25, 0.25]", "from a Si atom"),
        ("image_distance_A: 10", "image_distance_A: 300", "too large"),
        ("images: 3", "images: 2", "greater than or equal to 3"),
        ("images: 3", "pictures: 3", "'pictures' is not a key here"),
        ("temperatures_K", "find: {cutoff_A: 3}\ntemperatures_K", "exactly one of 'hops' and 'find'"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        barrier_flow(read_barrier_campaign(write(tmp_path, FILE.replace(old, new))))


@pytest.mark.engine
def test_the_command_line_says_when_a_band_is_not_converged(tmp_path, capsys):
    from anodeflow.cli.barrier import barrier

    file = write(tmp_path, FILE.replace("images: 3", "images: 3, steps: 1, vibrations: none"))
    with pytest.raises(NotConvergedError, match=r"1 of 1 bands are not converged: T-H-T"):
        barrier(file, tmp_path / "run", cores=1, as_json=True)
    assert json.loads(capsys.readouterr().out)["levels"][0]["converged"] is False


@pytest.mark.engine
def test_all_vacancy_hops_of_a_crystal_are_found(tmp_path):
    text = FILE[: FILE.index("hops:")] + "find: {kind: vacancy, cutoff_A: 3.2}\n" + FILE[FILE.index("levels:") :]
    flow, _ = barrier_flow(read_barrier_campaign(write(tmp_path, text.replace("phase: Si", "phase: LiSi"))))
    names = [job.name for job, _ in flow.iterflow()]
    assert any(name.startswith("vacancy-1-") for name in names)
