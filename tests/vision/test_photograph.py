"""Real photographs, slot given; used where they are."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.vision.scenes import RED, Scene, render
from vision import photograph_column as photograph
from vision.look import load_slots, look_slots
from vision.photograph import SURE
from vision.reader import read_vial

FOLDER = Path(__file__).parents[3] / "shared" / "vision"


def test_candidates_hold_the_surface_without_a_panel() -> None:
    scene = Scene(absorbance=RED)
    seen = photograph.survey(render(scene), scene.view.box_px)
    assert seen is not None
    y0, y1 = scene.view.box_px[1], scene.view.box_px[3]
    rows = y0 + np.array(seen[0]) / photograph.ROWS * (y1 - y0)
    assert np.abs(rows - scene.surface_row).min() < 4


def test_an_even_picture_is_unknown() -> None:
    image = np.full((200, 100, 3), 120, np.uint8)
    view = Scene().view.__class__((10.0, 10.0, 90.0, 190.0), 180.0, 4.0, 15.0, 8000.0, None)
    assert read_vial(image, view).state == "unknown"
    assert photograph.choose(np.zeros((0, 1)), []) == (None, 0.0)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the photographs are not here")
def test_real_photographs_are_right_or_unknown() -> None:
    rows = list(csv.DictReader((FOLDER / "manifest.csv").open(newline="")))
    files = [*sorted({row["file"] for row in rows})[::4], "sv_image_2_97_0.jpg", "sf_example_1.jpg"]
    found = look_slots([FOLDER / "photos" / f for f in files], load_slots(FOLDER / "manifest.csv"))
    json.dumps(found, allow_nan=False)
    truth = {(row["file"], int(row["vessel"])): row for row in rows}
    answered = gross = 0
    for file, vessels in found.items():
        for told in vessels:
            row = truth[file, int(str(told["vessel"]))]
            if row["state"] == "empty":
                assert told["state"] in ("empty", "unknown")
            surface = told["surface_y"]
            if isinstance(surface, float) and row["surface_y"]:
                assert float(str(told["confidence"])) >= SURE
                answered += 1
                gross += abs(surface - float(row["surface_y"])) > 0.1 * (float(row["y1"]) - float(row["y0"]))
    assert answered >= 5
    assert gross <= 0.1 * answered
