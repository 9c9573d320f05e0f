"""The section ``energetics``: what is refused before anything runs, and a campaign with a real potential."""

import json

import numpy as np
import pytest
from anodeflow.engines.levels import find_level
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.quantity import Quantity
from anodeflow.structures.phases import phase
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.energetics.flow import boundary_cell, slid
from anodeflow.workflows.energetics.jobs import cell_energy
from anodeflow.workflows.energetics.results import energetics_part
from anodeflow.workflows.screen.settings import GrainBoundarySettings
from anodeflow.workflows.sections import campaign_flow
from pymatgen.core import Lattice, Structure

SI = "grain_boundary: {crystal: Si, sigma: 3, axis: [1, 1, 0], plane: [1, 1, 1], thickness_A: 6, repeat: [1, 1]}"


def campaign_file(tmp_path, section):
    indented = "\n".join(f"  {line}" for line in section.strip().splitlines())
    path = tmp_path / "campaign.yaml"
    head = "name: energies\nseed: 3\npotential: LiSi-MEAM-Cui2012\naccept_extrapolation: true\nenergetics:\n"
    path.write_text(head + indented + "\n")
    return path


@pytest.mark.engine
@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("solution: {}", "nothing is asked for"),
        ("level: nothing\nsliding: {s: {" + SI + "}}", "no level is called 'nothing'"),
        ("solution: {a: {element: Si, solute: Li}}", "exactly one of 'crystal', 'cell' and 'grain_boundary'"),
        ("solution: {a: {crystal: Si, element: Si, solute: Si}}", "an element cannot be dissolved in itself: Si"),
        ("solution: {a: {crystal: Si, element: Si, solute: Li, against: b}}", "'b', which is no other solution"),
        ("solution: {a: {crystal: Si, element: Ge, solute: Li}}", r"energetics\.references\.Ge"),
        ("solution: {a: {crystal: Li, element: Si, solute: Li}}", "there is no Si to replace"),
        (
            "references: {Si: LiSi}\nsolution: {a: {crystal: Si, element: Si, solute: Li}}",
            "reference of Si holds Li, Si",
        ),
        ("adsorption: {a: {cell: Si, species: Li, sites: {t: [0, 0]}}}", "the vacuum leaves"),
        ("adsorption: {a: {cell: graphene, species: Li, sites: {t: [0, 0]}}}", r"energetics\.adsorption\.a"),
        ("adsorption: {a: {species: Li, sites: {t: [0, 0]}}}", "exactly one of 'cell' and 'surface'"),
        (
            "adsorption: {a: {surface: {crystal: Si, plane: [0, 0, 0]}, species: Li, sites: {t: [0, 0]}}}",
            r"no plane \(energetics\.adsorption\.a\.surface\)",
        ),
        ("sliding: {s: {grain_boundary: {crystal: Si, sigma: 4, plane: [1, 1, 1]}}}", "Σ4 does not exist"),
    ],
)
def test_what_is_wrong_is_one_sentence_before_anything_runs(tmp_path, section, said):
    with pytest.raises(InputError, match=said):
        campaign_flow(read_campaign(campaign_file(tmp_path, section)))
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.yaml"]


def test_one_boundary_slides_by_whole_vectors_onto_itself():
    """A shift by a vector of the cell of distinct shifts gives the same neighbours at the contact."""
    settings = GrainBoundarySettings(
        crystal="Si", sigma=3, axis=(1, 1, 0), plane=(1, 1, 1), thickness_A=6, repeat=(1, 1)
    )
    _, shifts, structure = boundary_cell(settings, 1, "here")
    sides = tuple(int(side) for side in structure.site_properties["side"])
    found = [slid(structure, sides, shifts, move, 8.0) for move in ((0, 0), (1, 0), (0, 1), (0.37, 0.21))]
    upper = np.array(sides) == 1
    contacts = [np.sort(one.distance_matrix[upper][:, ~upper].ravel()) for one in found]
    np.testing.assert_allclose(contacts[1], contacts[0], atol=1e-4)
    np.testing.assert_allclose(contacts[2], contacts[0], atol=1e-4)
    assert np.abs(contacts[3] - contacts[0]).max() > 0.05
    assert found[0].lattice.c == pytest.approx(structure.lattice.c + 8.0)


def _grains(solutes):
    boundary = "{crystal: Si, sigma: 5, axis: [0, 0, 1], plane: [2, 1, 0], thickness_A: 8, repeat: [2, 1]}"
    return f"sliding:\n  s: {{grain_boundary: {boundary}, steps: [2, 1], solute: Li, solutes: {solutes}}}"


@pytest.mark.engine
@pytest.mark.parametrize("solutes", [1, 3])
def test_solutes_sit_at_the_contact_that_slides_and_in_one_grain(tmp_path, solutes):
    """The other contact is a free surface; solutes of both grains would not meet their like after a shift."""
    flow = campaign_flow(read_campaign(campaign_file(tmp_path, _grains(solutes))))
    job = next(job for job, _ in flow.iterflow() if job.metadata["role"] == "shift")
    (cell,) = job.function_args
    settings = GrainBoundarySettings(crystal="Si", sigma=5, axis=(0, 0, 1), plane=(2, 1, 0), thickness_A=8)
    made, _, whole = boundary_cell(settings, 3, "here")
    lithium = [number for number, site in enumerate(cell) if site.specie.symbol == "Li"]
    assert len(lithium) == solutes
    assert {made.structure.site_properties["side"][number] for number in lithium} == {0}
    heights = whole.cart_coords[:, 2]
    contact = heights[made.atoms_of(0)].max()
    assert all(0 <= contact - heights[number] < 2.0 for number in lithium)
    with pytest.raises(InputError, match=r"the lower grain has .* atoms near the contact and not 90"):
        campaign_flow(read_campaign(campaign_file(tmp_path, _grains(90))))


@pytest.mark.engine
def test_the_pure_cell_is_relaxed_as_the_doped_ones_are(tmp_path):
    """A DFT level scales a crystal without moving its atoms: what they gain later is not the solute's."""
    section = "solution:\n  a: {crystal: LiSi, element: Si, solute: Li}"
    flow = campaign_flow(read_campaign(campaign_file(tmp_path, section)))
    makers = {job.metadata["role"]: job.maker for job, _ in flow.iterflow()}
    assert makers["pure"].relax == makers["doped"].relax == "positions"


def test_all_energies_of_a_dft_level_have_one_number_of_plane_waves(tmp_path):
    """The metal alone would take 250 eV and carbon 350: of tin that is half an eV an atom at other levels."""
    pytest.importorskip("gpaw")
    section = "level: gpaw-fast\nadsorption: {a: {cell: graphene, repeat: [2, 2], species: Li, sites: {h: [0, 0]}}}"
    flow = campaign_flow(read_campaign(campaign_file(tmp_path, section)))
    makers = [job.maker for job, _ in flow.iterflow()]
    assert len(makers) == 3 and {maker.beside for maker in makers} == {("C", "Li")}
    settings = find_level("gpaw-fast", beside=makers[0].beside).settings
    assert settings["plane_wave_cutoff_eV"] == settings["plane_wave_cutoff_with_hard_elements_eV"] == 350
    assert find_level("gpaw-fast", beside=["Li", "Si"]).settings["plane_wave_cutoff_eV"] == 250


def _solutions(tmp_path, *, relaxed=True):
    """Return results of a boundary and a bulk whose cells sample k-points otherwise than silicon's own phase."""
    section = f"""
solution:
  bulk: {{crystal: Si, supercell: [2, 2, 2], element: Si, solute: Li}}
  boundary: {{{SI}, element: Si, solute: Li, against: bulk}}
"""
    silicon = Structure(Lattice.cubic(10), ["Si"] * 4, [[0, 0, 0]] * 4)
    found = [("Si", "reference", -10.0, 2), ("Li", "reference", -2.0, 1)]
    found += [("bulk", "pure", -20.4, 4), ("bulk", "doped", -15.9, 4)]
    found += [("boundary", "pure", -30.0, 6), ("boundary", "doped", -25.7, 6)]
    rows, documents = [], []
    for system, role, energy, natoms in found:
        rows.append({"metadata": {"section": "energetics", "system": system, "role": role, "site": "0"}})
        quantity = Quantity("energy", energy, "eV", converged=relaxed or system != "Si")
        output = {"natoms": natoms, "quantities": [quantity.to_dict()], "warnings": [], "structure": silicon}
        documents.append({"output": output})
    part = energetics_part(read_campaign(campaign_file(tmp_path, section)), rows, documents)
    return {group["label"]: [Quantity.from_dict(one) for one in group["quantities"]] for group in part["groups"]}


def test_a_segregation_energy_does_not_hang_on_the_reference_of_the_host(tmp_path):
    """Four energies make it, by hand: −25.7 + 30.0 − (−15.9 + 20.4) = −0.2 eV."""
    found = _solutions(tmp_path)
    assert found["bulk"][0].value == pytest.approx(-15.9 + 20.4 - 5.1 + 2.0)
    assert found["boundary"][0].value == pytest.approx(-25.7 + 30.0 - 5.0 + 2.0)
    assert found["boundary"][1].value == pytest.approx(-0.2)
    assert all(quantity.converged for quantities in found.values() for quantity in quantities)


def test_a_reference_that_is_not_relaxed_shows_in_what_counts_from_it(tmp_path):
    found = _solutions(tmp_path, relaxed=False)
    assert [quantity.converged for quantity in found["boundary"]] == [False, True]
    assert found["bulk"][0].converged  # its host is its own cell


@pytest.mark.engine
def test_a_relaxation_along_the_normal_moves_nothing_aside_and_goes_on_from_its_file(tmp_path):
    """An oblique cell of two elements, its third vector leaning."""
    cell = phase("LiSi").structure.get_primitive_structure()
    cell = Structure(
        Lattice(cell.lattice.matrix @ np.array([[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]])),
        cell.species,
        cell.frac_coords,
    )
    level = find_level("LiSi-MEAM-Cui2012")
    relaxed, energy, done = cell_energy(cell, level, tmp_path, "normal")
    start = cell_energy(cell, level, tmp_path / "none", "none")[1]
    normal = np.cross(*cell.lattice.matrix[:2])
    normal /= np.linalg.norm(normal)
    moved = relaxed.cart_coords - cell.cart_coords
    aside = moved - np.outer(moved @ normal, normal)
    assert done and energy < start - 1e-3
    assert np.abs(moved @ normal).max() > 0.01 and np.abs(aside).max() < 1e-8
    again = cell_energy(cell, level, tmp_path, "normal")
    assert again[1] == pytest.approx(energy, abs=1e-6)


@pytest.mark.engine
def test_a_campaign_gives_all_energies_and_their_report(tmp_path):
    """Lithium on and in silicon; the bulk given once as a crystal and once as a cell of a builder."""
    bulk = phase("Si").structure
    bulk.make_supercell(2)
    bulk.to(str(tmp_path / "bulk.cif"), fmt="cif")
    section = f"""
adsorption:
  Li-on-Si:
    surface: {{crystal: Si, plane: [1, 1, 1], thickness_A: 6, vacuum_A: 12}}
    repeat: [2, 2]
    species: Li
    sites: {{top: [0.333333, 0.333333], hollow: [0.666667, 0.666667]}}
solution:
  crystal: {{crystal: Si, supercell: [2, 2, 2], element: Si, solute: Li}}
  cell: {{cell: bulk.cif, element: Si, solute: Li, against: crystal}}
sliding:
  twin:
    {SI}
    steps: [3, 2]
    solute: Li
"""
    jobs = run_campaign(campaign_file(tmp_path, section), tmp_path / "run", cores=2)[0]
    assert {job.state for job in jobs} == {"done"}, [job.message for job in jobs]
    (part,) = json.loads((tmp_path / "run" / "results.json").read_text())["parts"]
    found = {group["label"]: [Quantity.from_dict(one) for one in group["quantities"]] for group in part["groups"]}
    adsorbed = found["Li-on-Si"]
    assert [q.name for q in adsorbed] == ["adsorption_energy"] * 2 and adsorbed[0].value <= adsorbed[1].value < 5
    crystal, (cell, segregation) = found["crystal"][0], found["cell"]
    assert crystal.value > 0, "Li does not like the place of a Si atom"
    # the library's cell is not the potential's: only the relaxed crystal is at its own volume
    assert segregation.value == pytest.approx(cell.value - crystal.value) and abs(segregation.value) < 0.3
    first, second = found["twin"]
    assert first.unit == "eV/Å^2" and 0 < first.value < 0.5 and second.value is not None
    (plot,) = part["plots"]
    assert min(y for curve in plot["curves"] for y in curve["y"]) == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Sliding of twin" in page and "Adsorption, solution and sliding" in page
