"""``anodeflow analyse diffusion | conductivity | arrhenius`` on files with two elements in a tilted cell."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from anodeflow.analysis.reading.displacements import walk
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.analysis.transport.msd import mean_squared_displacement
from anodeflow.cli import main

CELL = np.array([[12.0, 0.0, 0.0], [-6.0, 10.39, 0.0], [2.0, 1.0, 11.0]])
KEYS = {"anodeflow", "command", "inputs", "quantities", "warnings", "files"}


def run(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["anodeflow", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    return code, *capsys.readouterr()


def write_dump(path, diffusivity, *, seed=1, frames=300, ions=24):
    """Lithium that diffuses (Å² per frame) among silicon that vibrates; everything drifts. Wrapped coordinates."""
    rng = np.random.default_rng(seed)
    start = rng.random((2 * ions, 3)) @ CELL
    moves = np.zeros((frames, 2 * ions, 3))
    moves[1:, ::2] = rng.normal(0, np.sqrt(2 * diffusivity), (frames - 1, ions, 3))
    positions = start + np.cumsum(moves, axis=0)
    positions[:, 1::2] += rng.normal(0, 0.1, (frames, ions, 3))
    positions += np.arange(frames)[:, None, None] * np.array([0.01, 0.0, 0.02])
    header = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n-6 14 -6\n0 11.39 2\n0 11 1\n"
    with path.open("w") as stream:
        for frame, all_atoms in enumerate(positions):
            inside = np.mod(all_atoms @ np.linalg.inv(CELL), 1.0) @ CELL
            stream.write(f"ITEM: TIMESTEP\n{100 * frame}\nITEM: NUMBER OF ATOMS\n{2 * ions}\n{header}")
            stream.write("ITEM: ATOMS id element x y z\n")
            for atom, (x, y, z) in enumerate(inside):
                stream.write(f"{atom + 1} {'Si' if atom % 2 else 'Li'} {x:.8f} {y:.8f} {z:.8f}\n")
    return path


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    return write_dump(tmp_path_factory.mktemp("dump") / "run.lammpstrj", 0.05)


def test_diffusion_document(capsys, monkeypatch, dump):
    code, out, err = run(
        capsys, monkeypatch, "analyse", "diffusion", dump, "--timestep-fs", 1, "--drift", "Si", "--json", "--explain"
    )
    assert code == 0, err
    document = json.loads(out)
    assert set(document) >= KEYS
    assert all(len(digest) == 64 for digest in document["inputs"].values())
    (item,) = document["quantities"]
    # 0.05 Å² in 0.1 ps
    assert item["interval95"][0] < 0.05 / 0.1 * 1e-4 < item["interval95"][1]
    assert item["unit"] == "cm^2/s"
    assert document["interval_ps"] == pytest.approx(0.1)
    assert "Qian" in document["explanation"]
    assert len(document["msd"]["Li"]["lag_time_ps"]) > 10


def test_table_and_files(capsys, monkeypatch, dump, tmp_path):
    folder = tmp_path / "out"
    code, out, err = run(
        capsys,
        monkeypatch,
        *("analyse", "diffusion", dump, "--timestep-fs", 1, "--drift", "Si", "--kinisi", "--out", folder),
        *("--temperature-K", 600),
    )
    assert code == 0, err
    assert "tracer" in out
    assert "wrote" in out
    assert {path.name for path in folder.iterdir()} == {"diffusion.html", "diffusion.json", "msd.csv", "msd.png"}
    page = (folder / "diffusion.html").read_text()
    assert "data:image/png;base64," in page
    assert "<script" not in page
    assert "http" not in page
    document = json.loads((folder / "diffusion.json").read_text())
    assert document["temperature_K"] == 600
    ours, theirs = document["quantities"]
    assert "kinisi" in theirs["method"]
    assert theirs["value"] == pytest.approx(ours["value"], rel=0.3)
    header, first, *_ = (folder / "msd.csv").read_text().splitlines()
    assert header == "species,lag_time_ps,msd_A2,msd_error_A2"
    assert first.startswith("Li,0.1,")


def test_what_does_not_diffuse_exits_with_4(capsys, monkeypatch, dump):
    code, out, _ = run(
        capsys, monkeypatch, "analyse", "diffusion", dump, "--timestep-fs", 1, "--species", "Si", "--json"
    )
    assert code == 4
    (item,) = json.loads(out)["quantities"]
    assert item["value"] is None
    assert "not diffusive yet" in item["warnings"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--species", "Na", "--timestep-fs", 1], "there is no Na"),
        (["--timestep-fs", 1, "--start", 295], "frames are too few"),
        ([], "time"),
    ],
)
def test_bad_input_is_one_sentence(capsys, monkeypatch, dump, arguments, said):
    code, out, err = run(capsys, monkeypatch, "analyse", "diffusion", dump, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err


def test_conductivity(capsys, monkeypatch, dump):
    code, out, err = run(
        capsys,
        monkeypatch,
        *("analyse", "conductivity", dump, "--timestep-fs", 1, "--drift", "Si", "--temperature-K", 600, "--json"),
        *("--window-start-ps", 0.2, "--metallic"),
    )
    assert code == 0, err
    document = json.loads(out)
    items = {(item["name"], "collective" in item["method"]): item for item in document["quantities"]}
    sigma = items["ionic_conductivity", False]
    volume = abs(np.linalg.det(CELL))
    factor = 24 / volume * 1e24 * 1.602176634e-19**2 / (1.380649e-23 * 600)
    assert sigma["value"] == pytest.approx(factor * items["tracer_diffusivity", False]["value"], rel=1e-6)
    assert any("ionic part" in text for text in sigma["warnings"])
    ratio = items["haven_ratio", True]
    assert ratio["interval95"][0] < 1 < ratio["interval95"][1]


def test_curves_of_conductivity_and_profile_are_written_and_named(capsys, monkeypatch, dump, tmp_path):
    common = ("--timestep-fs", 1, "--drift", "Si", "--temperature-K", 600, "--out", tmp_path)
    code, _, err = run(capsys, monkeypatch, "analyse", "conductivity", dump, *common, "--window-start-ps", 0.2)
    assert code == 0, err
    document = json.loads((tmp_path / "conductivity.json").read_text())
    header, *rows = (tmp_path / "conductivity_msd.csv").read_text().splitlines()
    assert header == "motion,lag_time_ps,msd_A2"
    assert len(rows) == sum(len(curve["msd_A2"]) for curve in document["msd"].values())
    code, out, _ = run(capsys, monkeypatch, "analyse", "profile", dump, "--timestep-fs", 1)
    assert code == 0
    assert "--out DIR" in out


def test_onsager(capsys, monkeypatch, dump, tmp_path):
    common = ("analyse", "onsager", dump, "--timestep-fs", 1, "--drift", "Si", "--temperature-K", 600)
    code, out, err = run(
        capsys, monkeypatch, *common, "--charge", "Li=1", "--window-start-ps", 0.2, "--json", "--explain"
    )
    assert code == 0, err
    document = json.loads(out)
    items = {item["name"]: item for item in document["quantities"]}
    assert items["transference_number"]["value"] == pytest.approx(1)
    # independent ions: L = n D / (V k T), the conductivity e² times that
    volume = abs(np.linalg.det(CELL))
    expected = 24 / volume / (8.617333262e-5 * 600) * 0.05 / 0.1
    low, high = items["onsager_coefficient"]["interval95"]
    assert low < expected < high
    sigma = items["onsager_coefficient"]["value"] * 1.602176634e-19 * 1e20
    assert items["ionic_conductivity"]["value"] == pytest.approx(sigma, rel=1e-9)
    assert "Wishart" in document["explanation"]
    folder = tmp_path / "onsager"
    code, _, err = run(capsys, monkeypatch, *common, "--charge", "Li=1", "--charge", "Si=0", "--out", folder)
    assert code == 0, err
    assert (folder / "onsager.png").stat().st_size > 5000
    header, *rows = (folder / "onsager_displacements.csv").read_text().splitlines()
    assert header == "lag_time_ps,Li-Li_1_eV_A,Li-Si_1_eV_A,Si-Si_1_eV_A"
    lag, curve, *_ = np.array([[float(word) for word in row.split(",")] for row in rows]).T
    assert curve[1] / lag[1] == pytest.approx(expected, rel=0.3)
    code, _, err = run(capsys, monkeypatch, *common, "--charge", "Li")
    assert code == 2
    assert "'Li' is no charge" in err
    code, _, err = run(capsys, monkeypatch, *common, "--charge", "Li=0")
    assert code == 2
    assert "no species carries a charge" in err


def test_vft_on_request(capsys, monkeypatch, tmp_path):
    table = tmp_path / "d.csv"
    kelvin = np.array([400.0, 450, 520, 620, 800, 1000])
    coefficient = 1e-3 * np.exp(-0.12 / (8.617333262e-5 * (kelvin - 220)))
    rows = "".join(f"{t},{d:.8g},{0.01 * d:.8g}\n" for t, d in zip(kelvin, coefficient, strict=True))
    table.write_text("temperature_K,value,uncertainty\n" + rows)
    code, out, err = run(capsys, monkeypatch, "analyse", "arrhenius", table, "--vft", "--json")
    assert code == 0, err
    items = {item["name"]: item for item in json.loads(out)["quantities"]}
    assert items["vogel_temperature"]["value"] == pytest.approx(220, abs=5)
    assert (
        items["pseudo_activation_energy"]["interval95"][0] < 0.12 < items["pseudo_activation_energy"]["interval95"][1]
    )


def test_arrhenius_from_folders_and_table(capsys, monkeypatch, tmp_path):
    energy = 0.25
    for temperature in (600, 750, 900):
        diffusivity = 0.05 * np.exp(-energy / 8.617333262e-5 * (1 / temperature - 1 / 900))
        dump = write_dump(tmp_path / f"{temperature}.lammpstrj", diffusivity, seed=temperature)
        code, _, err = run(
            capsys,
            monkeypatch,
            *("analyse", "diffusion", dump, "--timestep-fs", 1, "--drift", "Si"),
            *("--temperature-K", temperature, "--out", tmp_path / "runs" / str(temperature)),
        )
        assert code == 0, err
    code, out, err = run(
        capsys, monkeypatch, "analyse", "arrhenius", tmp_path / "runs", "--json", "--out", tmp_path / "fit"
    )
    assert code == 0, err
    document = json.loads(out)
    fitted, _, room = document["quantities"]
    assert fitted["interval95"][0] < energy < fitted["interval95"][1]
    assert any("carried" in text for text in room["warnings"])
    assert len(document["inputs"]) == 3
    assert (tmp_path / "fit" / "arrhenius.png").stat().st_size > 5000

    table = tmp_path / "d.csv"
    table.write_text("temperature_K,value,uncertainty\n600,1e-6,1e-7\n700,3e-6,2e-7\n800,7e-6,5e-7\n")
    code, out, _ = run(capsys, monkeypatch, "analyse", "arrhenius", table, "--json", "--predict-K", 650)
    assert code == 0
    assert json.loads(out)["quantities"][2]["value"] == pytest.approx(1.8e-6, rel=0.2)
    table.write_text("temperature_K,value\n600,1e-6\n")
    code, _, err = run(capsys, monkeypatch, "analyse", "arrhenius", table)
    assert code == 2
    assert "d.csv:2" in err
    code, _, err = run(capsys, monkeypatch, "analyse", "arrhenius", tmp_path / "none")
    assert code == 2
    assert "no such file" in err
    (tmp_path / "empty").mkdir()
    code, _, err = run(capsys, monkeypatch, "analyse", "arrhenius", tmp_path / "empty")
    assert code == 2
    assert "no diffusion coefficient of Li" in err


def test_argyrodite_pieces_are_joined(capsys, monkeypatch, shared):
    pieces = sorted((shared / "data" / "argyrodite_50p").glob("run*_XDATCAR.gz"))
    code, out, err = run(
        capsys, monkeypatch, "analyse", "diffusion", *pieces, "--timestep-fs", 100, "--drift", "P", "--json", "--kinisi"
    )
    assert code == 0, err
    document = json.loads(out)
    assert document["frames"] == 560
    ours, theirs = document["quantities"]
    # two independent estimators on the same data; superionic at the temperature of the run
    assert ours["interval95"][0] < theirs["value"] < ours["interval95"][1]
    assert 3e-6 < ours["value"] < 3e-5
    curve = document["msd"]["Li"]
    assert 0.3 < np.interp(0.1, curve["lag_time_ps"], curve["msd_A2"]) < 0.6


def test_profile_with_layers_and_interface(capsys, monkeypatch, dump, tmp_path):
    code, out, err = run(
        capsys,
        monkeypatch,
        *("analyse", "profile", dump, "--timestep-fs", 1, "--drift", "Si", "--diffusion-layer-A", 3.7, "--json"),
        *("--out", tmp_path / "p", "--layer-A", 1),
    )
    assert code == 0, err
    document = json.loads(out)
    profile = document["density"]
    area_height = np.diff(profile["edges_A"]) * 12 * 10.39
    assert (np.array(profile["density_per_A3"]["Li"]) * area_height).sum() == pytest.approx(24)
    along = [item for item in document["quantities"] if item["name"] == "parallel_diffusivity"]
    assert len(along) == 3
    values = [item["value"] for item in along if item["value"] is not None]
    assert np.mean(values) == pytest.approx(0.05 / 0.1 * 1e-4, rel=0.25)
    assert {"density.csv", "diffusion_Li.csv", "density.png", "profile.html"} <= {
        path.name for path in (tmp_path / "p").iterdir()
    }
    code, _, err = run(
        capsys, monkeypatch, "analyse", "profile", dump, "--timestep-fs", 1, "--interface", 2, 10, "--side", "Li Si"
    )
    assert code == 2
    assert "no step of the composition" in err
    code, _, err = run(capsys, monkeypatch, "analyse", "profile", dump, "--timestep-fs", 1, "--axis", "d")
    assert code == 2
    assert "no box vector d" in err


def test_directions_and_region(capsys, monkeypatch, dump):
    code, out, err = run(
        capsys,
        monkeypatch,
        *("analyse", "diffusion", dump, "--timestep-fs", 1, "--drift", "Si", "--json", "--directions"),
        *("--region", 8, 13),
    )
    assert code == 0, err
    items = {item["name"]: item for item in json.loads(out)["quantities"]}
    along = [items[f"tracer_diffusivity_{axis}"]["value"] for axis in "xyz"]
    assert np.mean(along) == pytest.approx(items["tracer_diffusivity"]["value"], rel=0.1)
    assert items["parallel_diffusivity"]["value"] == pytest.approx(5e-5, rel=0.4)
    code, _, err = run(capsys, monkeypatch, "analyse", "diffusion", dump, "--timestep-fs", 1, "--region", 5, 50)
    assert code == 2
    assert "does not fit" in err


def test_pieces_join_to_the_whole(capsys, monkeypatch, dump, tmp_path):
    text = dump.read_text()
    cut = text.index("ITEM: TIMESTEP", len(text) // 3)
    pieces = [tmp_path / "one.lammpstrj", tmp_path / "two.lammpstrj"]
    pieces[0].write_text(text[:cut])
    pieces[1].write_text(text[cut:])
    values = []
    for files in ([dump], pieces):
        _, out, _ = run(
            capsys, monkeypatch, "analyse", "diffusion", *files, "--timestep-fs", 1, "--drift", "Si", "--json"
        )
        values.append(json.loads(out)["quantities"][0]["value"])
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_long_dumps_are_streamed_to_the_same_number(capsys, monkeypatch, dump):
    values = []
    for limit in (10**12, 0):
        monkeypatch.setattr("anodeflow.cli.analyse_transport._LONG_DUMP", limit)
        code, out, err = run(
            capsys, monkeypatch, "analyse", "diffusion", dump, "--timestep-fs", 1, "--drift", "Si", "--json"
        )
        assert code == 0, err
        document = json.loads(out)
        values.append((document["frames"], document["interval_ps"], document["quantities"][0]["value"]))
    assert values[1] == pytest.approx(values[0], rel=1e-4)
    code, _, err = run(capsys, monkeypatch, "analyse", "diffusion", dump, "--timestep-fs", 1, "--species", "Na")
    assert code == 2
    assert "there is no Na" in err


def test_van_hove(capsys, monkeypatch, dump, tmp_path):
    arguments = ("analyse", "van-hove", dump, "--timestep-fs", 1, "--drift", "Si", "--lag-ps", 0.5, "--lag-ps", 2)
    code, out, err = run(capsys, monkeypatch, *arguments, "--json", "--explain", "--out", tmp_path / "o")
    assert code == 0, err
    document = json.loads(out)
    assert set(document) >= KEYS
    assert document["lag_time_ps"] == pytest.approx([0.5, 2])
    # the second moment of the self part is the mean squared displacement
    t = read_trajectory(dump, timestep_fs=1)
    msd = mean_squared_displacement(walk(t, "Li", drift=["Si"]))
    r = np.array(document["self"]["r_A"])
    for frames, row in zip((5, 20), document["self"]["per_A"], strict=True):
        assert (r**2 * row).sum() * 0.1 == pytest.approx(msd[frames], rel=0.01)
    # Brownian ions: nothing that is not Gaussian
    assert {item["name"] for item in document["quantities"]} == {"non_gaussian_maximum", "non_gaussian_time"}
    assert not any(item["converged"] for item in document["quantities"])
    assert "Rahman" in document["explanation"]
    stems = ("van_hove_self", "van_hove_distinct", "non_gaussian")
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"van-hove.html", "van-hove.json"} | {
        f"{stem}.{ending}" for stem in stems for ending in ("csv", "png")
    }
    code, out, err = run(capsys, monkeypatch, *arguments, "--other", "Xx")
    assert (code, out) == (2, "")
    assert "there is no Xx" in err
    code, _, err = run(capsys, monkeypatch, *arguments, "--lag-ps", 1000)
    assert code == 2
    assert "a lag is not between 0.1 and 29.9 ps" in err
