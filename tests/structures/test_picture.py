"""A picture shows what is in the cell, and is written whole or not at all."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from anodeflow.structures.phases import phase
from anodeflow.structures.picture import draw_structure
from matplotlib.image import imread


def colours(structure, **options):
    stream = io.BytesIO()
    draw_structure(structure, stream, legend=False, **options)
    stream.seek(0)
    return imread(stream)[..., :3].reshape(-1, 3)


def share_like(pixels, rgb):
    direction = np.array(rgb) / np.linalg.norm(rgb)
    length = np.linalg.norm(pixels, axis=1)
    cosine = pixels @ direction / np.maximum(length, 1e-9)
    return float(((cosine > 0.985) & (length < 1.6)).mean())


def test_every_element_shows_in_its_colour():
    pixels = colours(phase("gamma-Li3PS4").structure)
    assert share_like(pixels, (0.8, 0.5, 1.0)) > 0.01  # lithium
    assert share_like(pixels, (1.0, 0.5, 0.0)) > 0.003  # phosphorus
    assert share_like(pixels, (1.0, 1.0, 0.19)) > 0.01  # sulphur
    assert share_like(pixels, (0.12, 0.94, 0.12)) < 0.001  # no chlorine


def test_partial_occupancy_shows_as_white_sectors():
    structure = phase("Li").structure
    solid = share_like(colours(structure), (0.8, 0.5, 1.0))
    structure[0] = {"Li": 0.5}
    structure[1] = {"Li": 0.5}
    assert share_like(colours(structure), (0.8, 0.5, 1.0)) == pytest.approx(0.5 * solid, rel=0.15)


def test_file_is_a_png_of_the_asked_width(tmp_path):
    path = draw_structure(phase("LiP").structure, tmp_path / "lip.png", title="LiP", width_px=400)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert imread(path).shape[1] == 400
    assert list(tmp_path.iterdir()) == [path]


def test_two_thousand_atoms_in_two_seconds():
    structure = phase("Li15Si4").structure
    structure.make_supercell([[2, 0, 0], [0, 2, 0], [1, 0, 6]])
    assert len(structure) == 1824
    draw_structure(phase("Si").structure, io.BytesIO())  # imports
    start = time.process_time()
    draw_structure(structure, io.BytesIO())
    assert time.process_time() - start < 2


def test_a_legend_of_many_elements_stays_inside_a_narrow_picture():
    from anodeflow.structures.polymer import polymer_electrolyte
    from PIL import Image

    melt = polymer_electrolyte(chains=1, monomers=8, oxygen_per_lithium=8, density_g_cm3=0.9, seed=1)
    stream = io.BytesIO()
    draw_structure(melt, stream, width_px=340)
    image = np.asarray(Image.open(stream).convert("L"))
    # nothing of the legend of seven elements touches the sides
    assert (image[-70:, :4] > 250).all()
    assert (image[-70:, -4:] > 250).all()
    stream = io.BytesIO()
    draw_structure(melt, stream, width_px=340, legend=False)
    assert image.shape[0] > np.asarray(Image.open(stream)).shape[0] + 60
