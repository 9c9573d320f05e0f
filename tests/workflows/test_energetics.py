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
