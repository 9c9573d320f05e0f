"""Bands: right barriers, honest convergence, and nothing lost when a process dies at any moment."""

import functools
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines.ends import relax_ends
from anodeflow.engines.images import ImageSet, load_arrays
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.errors import EngineError, InputError
from anodeflow.structures.band_symmetry import Reversal
from anodeflow.structures.paths import Band
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.mep import NEB
from ase.optimize import FIRE

SCRIPT = Path(__file__).with_name("band_script.py")


def _script():
    import importlib.util

    spec = importlib.util.spec_from_file_location("band_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


band_script = _script()


class CurvedValley(Calculator):
    """Two minima of one atom at x = ±1 Å in a bent valley; the saddle at (0, bend) is `height` above them."""

    implemented_properties = ("energy", "forces")

    def __init__(self, height: float, bend: float, stiffness: float = 8.0) -> None:
        super().__init__()
        self.height, self.bend, self.stiffness = height, bend, stiffness

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        x, y, z = self.atoms.positions[0]
        well = 1 - x**2
        across = y - self.bend * well
        energy = self.height * well**2 + 0.5 * self.stiffness * (across**2 + z**2)
        dx = -4 * self.height * x * well + self.stiffness * across * 2 * self.bend * x
        forces = np.zeros((len(self.atoms), 3))
        forces[0] = [-dx, -self.stiffness * across, -self.stiffness * z]
        self.results = {"energy": energy, "forces": forces}


def valley_band(images: int) -> Band:
    positions = np.zeros((images, 2, 3))
    positions[:, 0, 0] = np.linspace(-1, 1, images)
    positions[:, 1] = 4.0
    return Band(("Li", "Si"), np.eye(3) * 20, positions)


@pytest.mark.parametrize("height", [0.01, 0.55])
@pytest.mark.parametrize("images", [3, 6])
def test_the_barrier_of_a_bent_valley_is_found(tmp_path, height, images):
    settings = NebSettings(force_tolerance_eV_A=3e-4 if height < 0.1 else 1e-3, spring_eV_A2=0.2)
    result = run_neb(valley_band(images), lambda folder: CurvedValley(height, 0.7), tmp_path, settings)
    assert result.converged and not result.reason
    assert result.energies_eV.max() == pytest.approx(height, abs=1e-4 * height + 1e-5)
    np.testing.assert_allclose(result.band.positions[result.climbing_image, 0], [0, 0.7, 0], atol=5e-3)


def test_a_band_that_is_not_converged_says_so_and_goes_on_from_there(tmp_path):
    factory = functools.partial(lambda folder: CurvedValley(0.55, 0.9))
    short = run_neb(valley_band(6), factory, tmp_path, NebSettings(1e-3, steps=2))
    assert not short.converged
    assert "after 2 steps" in short.reason
    long = run_neb(valley_band(6), factory, tmp_path, NebSettings(1e-3, steps=200))
    assert long.converged and long.steps > 2
    assert [row["step"] for row in long.history] == list(range(long.steps + 1))
    straight = run_neb(valley_band(6), factory, tmp_path / "other", NebSettings(1e-3))
    np.testing.assert_array_equal(straight.energies_eV, long.energies_eV)
    again = run_neb(valley_band(6), factory, tmp_path)
    assert again.force_calls == 0


@pytest.fixture(scope="module")
def relaxed_hop(tmp_path_factory) -> Band:
    """The oblique Cu-Au vacancy hop between relaxed ends."""
    band = band_script.vacancy_hop()
    ends = relax_ends(band, band_script.Factory(), tmp_path_factory.mktemp("ends"), force_tolerance_eV_A=0.01)
    assert ends.converged and not ends.same_state
    positions = band.positions.copy()
    shift = ends.band.positions - band.positions[[0, -1]]
    parts = np.linspace(0, 1, len(band))[:, None, None]
    return Band(band.symbols, band.cell, positions + (1 - parts) * shift[0] + parts * shift[1])


def test_the_barrier_of_a_vacancy_hop_is_that_of_plain_ase_with_fewer_calls(tmp_path, relaxed_hop):
    result = run_neb(relaxed_hop, band_script.Factory(), tmp_path, NebSettings(force_tolerance_eV_A=0.02))
    images = [Atoms(relaxed_hop.symbols, p, cell=relaxed_hop.cell, pbc=True) for p in relaxed_hop.positions]
    for image in images:
        image.calc = EMT()
    plain = FIRE(NEB(images, k=0.5, climb=True, method="improvedtangent"), logfile=None)
    assert plain.run(fmax=0.02, steps=300)
    energies = np.array([image.get_potential_energy() for image in images])
    assert result.converged
    assert result.energies_eV.max() == pytest.approx(energies.max(), abs=2e-3)
    assert result.energies_eV.max() - result.energies_eV[0] > 0.3
    inner = len(images) - 2
    assert result.force_calls - 2 <= 0.5 * inner * (plain.nsteps + 1)


def test_equal_ends_are_one_state(tmp_path):
    """An end point without a minimum of its own falls back into the other one."""
    band = valley_band(3)
    positions = band.positions.copy()
    positions[0, 0], positions[-1, 0] = [0.4, 0.0, 0.0], [0.9, 0.1, 0.0]
    ends = relax_ends(
        Band(band.symbols, band.cell, positions),
        lambda folder: CurvedValley(0.5, 0.5),
        tmp_path,
        force_tolerance_eV_A=1e-3,
    )
    assert ends.converged and ends.same_state


def run_script(folder: Path, workers: int, seconds: float = 0.0) -> subprocess.Popen:
    words = [sys.executable, str(SCRIPT), str(folder), str(workers), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_goes_on_to_the_same_band(tmp_path):
    truth = run_neb(band_script.vacancy_hop(), band_script.Factory(), tmp_path / "whole", NebSettings(0.02))
    images, kills = tmp_path / "killed" / "images", 0
    for delay in (0.0, 0.37, 0.55):
        process = run_script(tmp_path / "killed", 2, 0.1)
        evaluated = {path: path.stat().st_mtime_ns for path in images.glob("*.npz")}
        while process.poll() is None and evaluated == {p: p.stat().st_mtime_ns for p in images.glob("*.npz")}:
            time.sleep(0.01)  # until it works
        time.sleep(delay)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills
    last = run_neb(band_script.vacancy_hop(), band_script.Factory(), tmp_path / "killed", NebSettings(0.02))
    assert last.converged and last.steps == truth.steps and len(last.history) == last.steps + 1
    np.testing.assert_allclose(last.energies_eV, truth.energies_eV, atol=1e-9)
    np.testing.assert_allclose(last.band.positions, truth.band.positions, atol=1e-9)
    assert last.force_calls < truth.force_calls


def test_an_image_that_dies_gives_one_sentence_and_the_band_is_kept(tmp_path):
    band = band_script.vacancy_hop()
    short = NebSettings(force_tolerance_eV_A=0.02, steps=1)
    run_neb(band, band_script.Factory(), tmp_path, short)
    kept = load_arrays(tmp_path / "band.npz")
    dying = tmp_path / "images" / "02" / "die"
    dying.write_text("")
    (tmp_path / "images" / "02.npz").unlink()
    process = run_script(tmp_path, 2)
    _, errors = process.communicate()
    assert "the process of image 2 left with 9" in errors
    np.testing.assert_array_equal(load_arrays(tmp_path / "band.npz")["positions"], kept["positions"])
    dying.unlink()
    assert run_neb(band, band_script.Factory(), tmp_path, NebSettings(0.02)).converged


class Refuses(EMT):
    def calculate(self, *arguments, **keywords):
        raise RuntimeError("Did not converge!\nSee text output")


def test_electrons_that_do_not_converge_are_named(tmp_path):
    with pytest.raises(EngineError, match="image 0 has electrons that do not converge") as caught:
        run_neb(band_script.vacancy_hop(3), lambda folder: Refuses(), tmp_path)
    assert "error.txt" in str(caught.value) and (tmp_path / "images" / "00" / "error.txt").exists()


def test_numbers_that_are_none_are_refused(tmp_path):
    class Broken(CurvedValley):
        def calculate(self, *arguments, **keywords):
            super().calculate(*arguments, **keywords)
            self.results["forces"] = self.results["forces"] * np.nan

    with pytest.raises(EngineError, match="forces of image 0 are not numbers"):
        run_neb(valley_band(3), lambda folder: Broken(0.5, 0.1), tmp_path)


def test_a_folder_with_another_band_is_refused(tmp_path):
    run_neb(valley_band(3), lambda folder: CurvedValley(0.5, 0.1), tmp_path, NebSettings(steps=1))
    other = valley_band(3)
    shifted = other.positions.copy()
    shifted[0, 0, 0] = -1.3
    with pytest.raises(InputError, match="between other ends"):
        run_neb(Band(other.symbols, other.cell, shifted), lambda folder: CurvedValley(0.5, 0.1), tmp_path)


def test_images_are_kept_one_by_one(tmp_path):
    band = valley_band(4)
    made = []

    def factory(folder):
        made.append(folder.name)
        return CurvedValley(0.5, 0.1)

    with ImageSet(factory, band.symbols, band.cell, tmp_path) as images:
        images.evaluate({1: band.positions[1]})
    with ImageSet(factory, band.symbols, band.cell, tmp_path) as images:
        found = images.evaluate({1: band.positions[1], 2: band.positions[2]})
        assert images.calls == 1
    assert made == ["01", "02"] and set(found) == {1, 2}
    assert (tmp_path / "01.npz").exists()


class TwoSaddles(CurvedValley):
    """Minima at x = 0 and ±1 Å, with saddles at x² = 1/3 that a mirror makes equal."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        Calculator.calculate(self, atoms, properties, system_changes)
        x, y, z = self.atoms.positions[0]
        energy = self.height * x**2 * (1 - x**2) ** 2 + 0.5 * self.stiffness * (y**2 + z**2)
        forces = np.zeros((len(self.atoms), 3))
        dx = self.height * (2 * x * (1 - x**2) ** 2 - 4 * x**3 * (1 - x**2))
        forces[0] = [-dx, -self.stiffness * y, -self.stiffness * z]
        self.results = {"energy": energy, "forces": forces}


def test_of_two_equal_saddles_both_are_climbed(tmp_path):
    """Which of the two images is called the highest is chance; the band has to stay the mirror of itself."""
    mirror = Reversal(np.diag([-1.0, 1, 1]), np.arange(2), np.array([[0.0, 0, 0], [8.0, 0, 0]]))
    result = run_neb(valley_band(5), lambda folder: TwoSaddles(2.0, 0.0), tmp_path, NebSettings(1e-3), reversal=mirror)
    assert result.converged and result.climbing_image == 1
    assert result.band.positions[1, 0, 0] == pytest.approx(-np.sqrt(1 / 3), abs=1e-3)
    assert result.energies_eV == pytest.approx([0, 2 * 4 / 27, 0, 2 * 4 / 27, 0], abs=1e-4)
    assert mirror.fits(result.band, 1e-9)


@pytest.mark.engine
def test_half_a_band_says_what_the_whole_says(tmp_path):
    """A vacancy hop in triclinic LiSi that inversion turns around: same barrier, both ends the same, fewer calls."""
    from importlib import resources

    from anodeflow.engines.levels import find_level
    from anodeflow.structures.band_symmetry import reversal
    from anodeflow.structures.hop_ends import CrystalHop, hop_ends
    from anodeflow.structures.paths import interpolate
    from pymatgen.core import Structure

    file = resources.files("anodeflow.workflows.barrier") / "data" / "crystals" / "lisi-primitive.cif"
    path = ((0.239704, 0.216489, 0.945447), (0.510296, 0.283511, 0.554553))
    ends = hop_ends(Structure.from_file(str(file)), CrystalHop("vacancy", "Li", path), (1, 1, 1))
    factory = find_level("LiSi-MEAM-Cui2012").factory
    found = {}
    for name, turn in (("whole", None), ("half", reversal(ends))):
        relaxed = relax_ends(ends, factory, tmp_path / name / "ends", reversal=turn)
        start = interpolate(relaxed.band, 5)
        band = run_neb(start, factory, tmp_path / name / "neb", NebSettings(0.02), reversal=turn)
        assert relaxed.converged and band.converged
        found[name] = band, relaxed.force_calls, band.force_calls
        again = run_neb(start, factory, tmp_path / name / "neb", NebSettings(0.02), reversal=turn)
        assert again.force_calls == 0 and again.band_force_eV_A == band.band_force_eV_A
    whole, half = found["whole"][0], found["half"][0]
    assert half.energies_eV == pytest.approx(whole.energies_eV, abs=2e-3)
    assert half.energies_eV[0] == half.energies_eV[-1]
    assert found["half"][1] <= 0.5 * found["whole"][1] + 1
    assert found["half"][2] < 0.75 * found["whole"][2]
    # what symmetry says about the other half is what the model says
    with ImageSet(factory, ends.symbols, ends.cell, tmp_path / "check") as images:
        own = images.evaluate({3: half.band.positions[3]})[3]
    assert own.energy_eV == pytest.approx(half.energies_eV[3], abs=1e-6)
    np.testing.assert_allclose(own.forces_eV_A, half.forces_eV_A[3], atol=1e-5)
