"""What can be wrong on the way to a cluster: one sentence, exit code 2, and nothing written or sent."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from anodeflow.hpc.doctor import _database

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithium_silicon.yaml"
CAMPAIGN = """\
name: bad
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
diffusion:
  temperatures_K: [900, 1200]
"""


def _refused(sentence, *words, cwd):
    before = sorted(cwd.rglob("*"))
    answer = anodeflow(*words, check=False, cwd=cwd)
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert sentence in answer.stderr
    assert sorted(cwd.rglob("*")) == before


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    monkeypatch.setenv("ANODEFLOW_CLUSTERS", str(tmp_path / "clusters"))
    monkeypatch.setenv("JFREMOTE_PROJECTS_FOLDER", str(tmp_path / "projects"))
    (tmp_path / "bad.yaml").write_text(CAMPAIGN)
    return "bad.yaml"


def test_unknown_project_and_no_name(campaign, tmp_path):
    if find_spec("jobflow_remote"):
        _refused("there is no project 'nowhere'", "submit", campaign, "--project", "nowhere", cwd=tmp_path)
    _refused("the project has no name", "setup", "cluster", cwd=tmp_path)


def test_no_scheduler(campaign, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent) + ":/bin" * (not Path("/bin/sbatch").exists()))
    _refused(
        "there is no scheduler: the command 'sbatch' is not found", "setup", "cluster", "--name", "x", cwd=tmp_path
    )


def test_answers_that_cannot_be(campaign, tmp_path):
    _refused("without a database only Slurm", "setup", "cluster", "--name", "x", "--scheduler", "pbs", cwd=tmp_path)
    _refused("not a plain name", "setup", "cluster", "--name", "a/b", cwd=tmp_path)
    _refused("on the cluster itself", "setup", "cluster", "--name", "x", "--host", "login", cwd=tmp_path)


def test_slurm_only_file_with_a_typo(campaign, tmp_path):
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "mine.yaml").write_text("name: mine\npartitoin: main\n")
    words = ("submit", campaign, "--project", "mine")
    _refused("'partitoin' is not a key here", *words, cwd=tmp_path)


@pytest.mark.cluster
def test_partition_module_and_worker_of_a_slurm_only_cluster(slurm, cluster_home, campaign, tmp_path):
    words = ("setup", "cluster", "--name", "x", "--python-bin", cluster_home / "bin", "--wall-time-h", 1)
    _refused("takes jobs of at most 1 h, not 24 h", *words[:-2], cwd=tmp_path)
    _refused(
        "there is no partition 'gpu' (partition). There are: main, short.", *words, "--partition", "gpu", cwd=tmp_path
    )
    _refused("the module 'lammps/2025' does not load", *words, "--module", "lammps/2025", cwd=tmp_path)
    _refused(
        "there is no /nowhere/anodeflow that starts on the cluster",
        *words[:4],
        "--wall-time-h",
        1,
        "--python-bin",
        "/nowhere",
        cwd=tmp_path,
    )
    anodeflow(*words, cwd=tmp_path)
    _refused("has no workers", "submit", campaign, "--project", "x", "--worker", "w", cwd=tmp_path)
    _refused("there is a project 'x' already", *words, cwd=tmp_path)
    broken = (tmp_path / "bad.yaml").read_text().replace("LiSi-MEAM", "LiSj-MEAM")
    (tmp_path / "bad.yaml").write_text(broken)
    _refused("LiSj-MEAM", "submit", campaign, "--project", "x", cwd=tmp_path)


@pytest.mark.cluster
def test_jobflow_remote_project_worker_and_database(slurm, cluster_home, database, campaign, tmp_path):
    words = ("setup", "cluster", "--name", "far", "--wall-time-h", 1)
    words += ("--python-bin", cluster_home / "bin", "--work-dir", tmp_path / "jobs")
    down = "mongodb://127.0.0.1:1/anodeflow"
    _refused("the database does not answer", *words, "--database", down, cwd=_with(tmp_path, "jobs"))
    _refused("does not name a database", *words, "--database", "localhost", cwd=tmp_path)
    _refused("there is no partition 'gpu'", *words, "--database", database.uri, "--partition", "gpu", cwd=tmp_path)
    _refused("the module 'gcc' does not load", *words, "--database", database.uri, "--module", "gcc", cwd=tmp_path)
    _refused("work_dir has to be an absolute path", *words[:-1], "jobs", "--database", database.uri, cwd=tmp_path)
    anodeflow(*words, "--database", database.uri, cwd=tmp_path)
    submit = ("submit", campaign, "--project", "far")
    _refused("there is no worker 'gpu' in far (--worker). Known are: far.", *submit, "--worker", "gpu", cwd=tmp_path)
    path = tmp_path / "projects" / "far.yaml"
    good = path.read_text()
    path.write_text(good.replace("scheduler_type", "schedular_type"))
    _refused("chedul", *submit, cwd=tmp_path)
    document = yaml.safe_load(good)
    document["metadata"]["anodeflow"]["queue_name"] = "gone"
    path.write_text(yaml.safe_dump(document))
    _refused("there is no partition 'gone'", *submit, cwd=tmp_path)
    assert (_database().state, _database().found) == ("works", "far: 0 jobs")
    path.write_text(good.replace(str(database.port), "1"))
    _refused("the database does not answer", *submit, cwd=tmp_path)
    assert _database().state == "broken"
    assert "far: the database does not answer" in _database().found
    path.write_text(good)
    _refused("holds nothing submitted", "fetch", ".", cwd=tmp_path)


@pytest.mark.cluster
@pytest.mark.engine
def test_what_does_not_fit_the_queue_is_said_before_anything_is_sent(slurm, cluster_home, database, campaign, tmp_path):
    words = ("setup", "cluster", "--python-bin", cluster_home / "bin", "--partition", "short", "--wall-time-h", 1 / 60)
    anodeflow(*words, "--name", "near", cwd=tmp_path)
    anodeflow(*words, "--name", "far", "--database", database.uri, "--work-dir", tmp_path / "jobs", cwd=tmp_path)
    long = CAMPAIGN + "  production_ps: 400\n"
    (tmp_path / campaign).write_text(long)
    for project in ("near", "far"):
        answer = anodeflow("plan", campaign, "--project", project, "--json", check=False, cwd=tmp_path)
        assert answer.returncode == 2
        assert json.loads(answer.stdout)["fits"] is False
        (sentence,) = answer.stderr.splitlines()
        assert "and the queue gives 1 min" in sentence
        assert "cut production_ps to" in sentence.lower()
    _refused("there is no project 'gone'", "plan", campaign, "--project", "gone", cwd=tmp_path)
    (tmp_path / campaign).write_text(long + "resources: {mpi_ranks: 2, threads: 3}\n")
    sentence = "a job asks for 6 cores and a node of 'short' has 2"
    _refused(sentence, "submit", campaign, "--project", "far", cwd=tmp_path)


def _with(folder, name):
    (folder / name).mkdir()
    return folder
