"""A wall time shorter than the work: an allocation stops in time, queues again, and the numbers stay the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import until
from queued import CAMPAIGN, check, is_done, length_ps, results, run, setup, submit

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


def test_wall_time_shorter_than_the_jobs(slurm, cluster_home, tmp_path):
    """A minute of wall time, and molecular dynamics that takes longer: stopped, queued again, ended the same."""
    file = tmp_path / "queued.yaml"
    file.write_text(CAMPAIGN.format(length_ps=length_ps(tmp_path, 66.0)))
    setup(cluster_home, "minute", partition="short", cores=1, wall_time_h=1 / 60)
    root = tmp_path / "run"
    assert len(submit(file, "minute", root)) == 1
    calm = run(file, tmp_path / "calm", "--cores", "1")
    until(lambda: len(list(root.glob("allocation-*.out"))) > 1, 180, "a second allocation")
    finished = results(root)
    until(lambda: is_done(root), 600, "the campaign")
    attempts = [json.loads((path / "result.json").read_text())["attempt"] for path in root.glob("*diffuse*")]
    assert max(attempts) > 1
    assert calm.wait(900) == 0
    check("wall time of 1 minute", tmp_path / "calm", root, len(list(root.glob("allocation-*.out"))), finished)
