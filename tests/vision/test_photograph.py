"""Photographs of which only the box is known: rendered scenes everywhere, real photographs where they are."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from hardware.virtual.optics.random_case import random_case
from tests.vision.photograph_cases import Case, emptied, photographs, rendered, variants
from tests.vision.scenes import RED, Scene, render
from vision.look import load_slots, look_slots, view_of
from vision.photograph import SURE, layer_lab, read_photograph
from vision.photograph_column import ROWS, look_column
from vision.photograph_evidence import describe
from vision.photograph_explain import SHARPNESS, combine
from vision.photograph_weights import LAYERS, WEIGHTS
from vision.reader import read_vial
from vision.reading import Doubt

FOLDER = Path(__file__).parents[3] / "shared" / "vision"
real = pytest.mark.skipif(not FOLDER.is_dir(), reason="the photographs are not here")


def test_candidates_hold_the_surface_without_a_panel() -> None:
    scene = Scene(absorbance=RED)
    column = look_column(render(scene), scene.view.box_px)
    assert column is not None
    y0, y1 = scene.view.box_px[1], scene.view.box_px[3]
    assert np.abs(y0 + np.array(column.places) / ROWS * (y1 - y0) - scene.surface_row).min() < 4


def test_every_weight_has_its_evidence() -> None:
    scene = Scene(absorbance=RED)
    column = look_column(render(scene), scene.view.box_px)
    assert column is not None
    assert all(set(line) == set(WEIGHTS) for line in describe(column))
    assert all(spread > 0 for _, spread, _ in LAYERS)


def test_an_even_picture_is_unknown() -> None:
    image = np.full((200, 100, 3), 120, np.uint8)
    seen = read_vial(image, view_of((10.0, 10.0, 90.0, 190.0)))
    assert seen.state == "unknown"
    assert Doubt.NO_EDGE in seen.doubt


def test_a_box_that_is_too_small_is_out_of_frame() -> None:
    image = np.full((200, 100, 3), 120, np.uint8)
    seen = read_photograph(image, view_of((10.0, 10.0, 15.0, 190.0)), Doubt.NONE)
    assert seen.state == "unknown"
    assert Doubt.OUT_OF_FRAME in seen.doubt


def test_the_surface_is_below_the_cap() -> None:
    """Two lines that are as good a surface: the one below the cap's edge is it."""
    even = np.array([2.0, 2.0, 0.0])
    found = combine({"surface": even, "cap": np.array([9.0, 0.0, 0.0])}, (60, 160))
    assert found.best == 1
    assert found.surface.sum() == pytest.approx(1)
    assert found.cap[0] > 0.9
    assert set(SHARPNESS) == {"surface", "cap"}


def test_rendered_liquids_are_found() -> None:
    """Scenes that took no part in the weighing; the box is a little off."""
    right = answered = 0
    for seed in range(20_000, 20_040):
        case = rendered(seed)
        if case is None or case.surface is None:
            continue
        seen = read_photograph(case.image, view_of(case.box), Doubt.NONE)
        if seen.surface_row is None:
            continue
        answered += 1
        right += case.error(seen.surface_row) <= 2
        assert Doubt.NO_WHITE in seen.doubt
        assert seen.bottom_row is not None
        assert seen.bottom_row > seen.surface_row
        assert seen.fill is not None
        assert 0 <= seen.fill <= 1
        assert seen.surface_sd_px is not None
        assert seen.surface_sd_px > 0
        assert SURE <= seen.confidence <= 1
    assert answered >= 12
    assert right >= 0.8 * answered


def test_a_scale_gives_level_and_volume() -> None:
    image, truth = random_case(2)
    view = view_of(truth.box_px)
    scaled = view.__class__(truth.box_px, truth.base_row, truth.px_per_mm, truth.bore_mm, truth.capacity_ul)
    seen = read_photograph(image, scaled, Doubt.NONE)
    assert seen.level_mm is not None
    assert seen.volume_ul is not None
    assert seen.volume_sd_ul is not None
    assert seen.volume_ul == pytest.approx(truth.volume_ul, abs=0.05 * truth.capacity_ul)
    assert read_photograph(image, view, Doubt.NONE).volume_ul is None


def test_colour_is_as_photographed() -> None:
    image = np.zeros((200, 100, 3), np.uint8)
    image[:] = (60, 60, 200)
    image[:90] = (230, 230, 230)
    column = look_column(image, (10.0, 10.0, 90.0, 190.0))
    assert column is not None
    light, a, _ = layer_lab(column, 170.0, 300.0)
    assert 40 < light < 50
    assert a > 40


def test_variants_keep_the_truth_in_the_picture() -> None:
    image, truth = random_case(4)
    assert truth.surface_row is not None
    case = Case(image, truth.box_px, "liquid", "g", truth.surface_row, (truth.surface_row,) * 2, (), truth.base_row)
    found = list(variants(case, np.random.default_rng(0), 6))
    assert len(found) >= 6
    assert all(c.surface is None or c.box[1] < c.surface < c.box[3] for c in found)
    bare = emptied(case, np.random.default_rng(0))
    assert bare is None or (bare.state == "empty" and math.isclose(bare.bottom, case.bottom))


@real
def test_real_photographs_are_right_or_doubted() -> None:
    rows = list(csv.DictReader((FOLDER / "manifest.csv").open(newline="")))
    files = [*sorted({row["file"] for row in rows})[::4], "sv_image_2_97_0.jpg"]
    found = look_slots([FOLDER / "photos" / f for f in files], load_slots(FOLDER / "manifest.csv"))
    json.dumps(found, allow_nan=False)
    cases = {(row["file"], int(row["vessel"])): case for case, row in photographs(FOLDER)}
    errors = []
    for file, vessels in found.items():
        for told in vessels:
            surface = told["surface_y"]
            case = cases[file, int(str(told["vessel"]))]
            if isinstance(surface, float) and (case.surface is not None or case.boundaries):
                errors.append(case.error(surface))
                assert float(str(told["confidence"])) >= SURE
    assert len(errors) >= 10
    assert np.mean(np.array(errors) > 10) <= 0.15
