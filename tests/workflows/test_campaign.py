"""Campaign files: what is filled in, and how each fault is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from anodeflow.errors import InputError
from anodeflow.workflows.campaign import Campaign, read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow, start_structure
from anodeflow.workflows.seeds import derive_seed
from hypothesis import given
from hypothesis import strategies as st

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithium_silicon.yaml"


def _changed(tmp_path, old, new):
    text = EXAMPLE.read_text()
    assert old in text
    path = tmp_path / "campaign.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_example_is_read_and_its_resolved_form_says_the_same(tmp_path):
    campaign = read_campaign(EXAMPLE)
    assert len(campaign.diffusion.temperatures_K) >= 4
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(yaml.safe_dump(campaign.resolved()))
    assert read_campaign(resolved) == campaign
    assert Campaign.model_validate(campaign.resolved()) == campaign


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("timestep_fs: 1", "timestep: 1", r"'timestep' is not a key here \(.*:\d+: diffusion.timestep\).*timestep_fs"),
        ("seed: 2012", "seed: -4", r"greater than or equal to 0, and it is -4 \(.*:3: seed\)"),
        ("seed: 2012", "seed: 1\nseed: 2", r"the key 'seed' stands twice \(.*:4\)"),
        ("seed: 2012\n", "", r"the key 'seed' is missing"),
        ("diffusion:", "difusion:", r"'difusion' is not a key here.*Did you mean 'diffusion'"),
        ("temperatures_K: [600, 825", "temperatures_K: [600, 600", "two different temperatures"),
        ("temperatures_K: [600, 825", "temperatures_K: [-600, 800", "greater than 0"),
        ("timestep_fs: 1", "timestep_fs: 3000", r"above 10 fs cannot follow .*, and it is 3000"),
        ("production_ps: 35", "production_ps: .nan", "finite"),
        ("production_ps: 35", "production_ps: 0.1", "fewer than 20 frames"),
        ("name: lithium_silicon", "name: ../elsewhere", "plain name"),
        ("phase: Li15Si4", "phase: [Li15Si4]", "valid string"),
        (
            "phase: Li15Si4",
            "phase: Li15Si4\n    supercell: [1, 1]\n  other:\n    phase: Si",
            r"entry 3 of the list is missing \(.*supercell.2\)",
        ),
        ("phase: Li15Si4", "phase: Li15Si4\n    melt_quench: {}", "'melt_quench' goes with 'amorphous'"),
        ("systems:", "systems: [", r"not valid YAML"),
        ("name: lithium_silicon", "? [1, 2]\n: 3", r"a key is a list or a mapping \(.*:2\)"),
        ("name: lithium_silicon", "name: &a [*a]", r"a value holds itself \(.*:2\)"),
        ("name: lithium_silicon", "name: " + 3000 * "[" + 3000 * "]", "nested too deeply"),
        ("name: lithium_silicon", "name: 2026-13-01", "a value cannot be read: month"),
        ("name: lithium_silicon", "name: !!python/object/apply:os.system [ls]", "not valid YAML"),
    ],
)
def test_faults_name_line_and_field(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read_campaign(_changed(tmp_path, old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("phase: Li15Si4", "phase: Li15Sj4", "Li15S"),
        ("potential: LiSi-MEAM-Cui2012", "potential: LiSi-MEAM", "no potential is called 'LiSi-MEAM'"),
        ("phase: Li15Si4", "phase: LiSn", "does not describe Sn"),
        ("composition: Li15Si4", "composition: Li15Xq4", "Xq"),
        ("atoms: 152", "atoms: 152\n      density_g_cm3: 30", "systems.a-Li15Si4"),
        ("timestep_fs: 1", "timestep_fs: 1\n  species: [Na]", "there is no Na"),
        ("timestep_fs: 1", "timestep_fs: 1\n  charges: {Li: 1, Foo: 2}", "no Foo in any system.*diffusion.charges"),
    ],
)
def test_what_cannot_be_built_is_said_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        diffusion_flow(read_campaign(_changed(tmp_path, old, new)))


def test_a_file_without_any_section_asks_for_nothing(tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text("name: empty\nseed: 1\npotential: LiSi-MEAM-Cui2012\n")
    with pytest.raises(InputError, match="asks for nothing: give at least one of 'diffusion'"):
        read_campaign(path)
    path.write_text(path.read_text() + "diffusion: {temperatures_K: [600, 700]}\n")
    with pytest.raises(InputError, match="needs at least one structure in 'systems'"):
        read_campaign(path)


def test_missing_file_and_no_text(tmp_path):
    with pytest.raises(InputError, match="no such campaign file"):
        read_campaign(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="holds no campaign"):
        read_campaign(tmp_path / "list.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_campaign(tmp_path / "bytes.yaml")


def test_structure_file_beside_the_campaign_is_found(tmp_path):
    start_structure(read_campaign(EXAMPLE), "c-Li15Si4")[0].to(str(tmp_path / "own.cif"))
    path = _changed(tmp_path, "phase: Li15Si4\n    supercell: [2, 1, 1]", "phase: own.cif")
    structure, source = start_structure(read_campaign(path), "c-Li15Si4")
    assert len(structure) == 152
    assert source.evidence == "user file"


def test_packing_follows_the_seed(tmp_path):
    one = start_structure(read_campaign(EXAMPLE), "a-Li15Si4")[0]
    assert one == start_structure(read_campaign(EXAMPLE), "a-Li15Si4")[0]
    other = start_structure(read_campaign(_changed(tmp_path, "seed: 2012", "seed: 2013")), "a-Li15Si4")[0]
    assert one != other
    assert one.composition.reduced_formula == other.composition.reduced_formula == "Li15Si4"


@given(st.integers(0, 2**63), st.text(max_size=8), st.text(max_size=8))
def test_seeds_are_positive_and_follow_every_part(seed, first, second):
    value = derive_seed(seed, first, second)
    assert 0 < value < 2**31 - 1
    assert value == derive_seed(seed, first, second)
    assert value != derive_seed(seed + 1, first, second)
    assert value != derive_seed(seed, first, second, "more")
