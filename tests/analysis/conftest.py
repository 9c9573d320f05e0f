import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for the writers of test files that stand beside the tests

import pytest
from dumps import frame_text, random_walk


@pytest.fixture(scope="session", autouse=True)
def compiled_reader(tmp_path_factory):
    """Compile the reader of dumps before anything is timed, as the first example of a fuzz test is."""
    from anodeflow.analysis.reading.trajectory import read_trajectory

    path = tmp_path_factory.mktemp("compiled") / "run.dump"
    path.write_text("".join(frame_text(place, 100 * i) for i, place in enumerate(random_walk(frames=4, atoms=6))))
    read_trajectory(path, timestep_fs=1)
