"""A campaign with the universal model runs by the ordinary workflow: relax, equilibrate, run, analyse, report."""

import json
from importlib.util import find_spec

import pytest
from anodeflow.hpc.campaigns import run_campaign

pytestmark = [
    pytest.mark.engine,
    pytest.mark.ml,
    pytest.mark.skipif(not find_spec("chgnet"), reason="the extra ml is not installed"),
]

CAMPAIGN = """
name: universal
seed: 3
potential: chgnet
systems:
  antimonide: {phase: hexagonal-Li3Sb}
diffusion:
  temperatures_K: [700, 900]
  species: [Li]
  timestep_fs: 2
  equilibration_ps: 0.02
  production_ps: 0.08
  frame_interval_fs: 4
"""


def test_campaign_runs_with_the_universal_model(tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    jobs, report = run_campaign(tmp_path / "campaign.yaml", tmp_path / "run", command=["anodeflow", "run"])
    assert {job.state for job in jobs} == {"done"}
    assert report.is_file()
    frames = list((tmp_path / "run").glob("*diffuse*/trajectory.lammpstrj"))
    assert len(frames) == 2
    text = frames[0].read_text()
    assert "xy xz yz" in text, "the cell is hexagonal"
    assert text.count("ITEM: TIMESTEP") == 21
    assert list((tmp_path / "run").glob("*diffuse*/model.json"))
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert "chgnet" in json.dumps(results)
