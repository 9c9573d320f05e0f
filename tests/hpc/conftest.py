"""One Slurm and one database for all tests of this folder that need them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anodeflow
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from cluster_programs import (  # noqa: E402 - path first
    Database,
    SshServer,
    programs_folder,
    why_no_remote,
    why_no_slurm,
    why_no_ssh,
)
from slurm_session import slurm_session  # noqa: E402


@pytest.fixture(scope="session")
def slurm():
    """A running Slurm, which this process and what it starts find."""
    why = why_no_slurm()
    if why:
        pytest.skip(why)
    with slurm_session() as session, pytest.MonkeyPatch.context() as patch:
        for name, value in session.environment.items():
            patch.setenv(name, value)
        package = str(Path(anodeflow.__file__).parents[1])
        patch.setenv("PYTHONPATH", os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]))
        yield session


@pytest.fixture(scope="session")
def cluster_home(tmp_path_factory):
    """A folder with programs, projects and database of a user's, set for this process and what it starts."""
    home = tmp_path_factory.mktemp("cluster")
    programs_folder(home / "bin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JFREMOTE_PROJECTS_FOLDER", str(home / "projects"))
        patch.setenv("ANODEFLOW_CLUSTERS", str(home / "clusters"))
        (home / "projects").mkdir()
        yield home


@pytest.fixture(scope="session")
def database(cluster_home):
    """A running database."""
    why = why_no_remote()
    if why:
        pytest.skip(why)
    found = Database(cluster_home / "database")
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="session")
def ssh(cluster_home, slurm):
    """A login node: a running sshd on loopback, with a home of its user's whose key it takes."""
    why = why_no_ssh()
    if why:
        pytest.skip(why)
    server = SshServer(cluster_home / "ssh", slurm.environment | {"PYTHONPATH": os.environ["PYTHONPATH"]})
    server.start()
    yield server
    server.stop()
