"""The eye against the virtual bench's camera, which was written apart from it."""

import cv2
import numpy as np
import pytest

from hardware.spec import CameraSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec, ViewSpec
from hardware.virtual.render import Renderer, still_life
from hardware.virtual.scene import Scene, SeenVial
from vision.calibration import VialView
from vision.colour import delta_e00
from vision.reader import read_vial
from vision.reading import VialReading

STOCKS = {"red": "red dye", "yellow": "yellow dye", "blue": "blue dye", "water": "water"}
SPEC = RigSpec(
    name="bench",
    pumps={
        r: PumpSpec("new_era", f"socket://127.0.0.1:{n}", 26.59, 60000.0, {}, s)
        for n, (r, s) in enumerate(STOCKS.items())
    },
    stage=StageSpec("grbl", "socket://127.0.0.1:9", (150.0, 105.0, 20.0), {}),
    rack=RackSpec(4, 6, 24.0, (15.0, 15.0), VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)),
    camera=CameraSpec("opencv_camera", "http://127.0.0.1:9/stream.mjpg", {}),
    view=ViewSpec((265.6, 62.4, 374.4, 446.4), 440.0, 6.4, (384.0, 270.0, 410.0, 420.0)),
)
VIEW = VialView((265.6, 62.4, 374.4, 446.4), 440.0, 6.4, 15.0, 8000.0, (384.0, 270.0, 410.0, 420.0))
Contents = dict[str, float] | None


def read(contents: Contents, left: Contents, right: Contents, seed: int) -> VialReading:
    image = still_life(SPEC, {"B2": left, "B3": contents, "B4": right}, "B3", seed=seed)
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return read_vial(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), VIEW)


def mixture(rng: np.random.Generator) -> dict[str, float]:
    total = rng.uniform(200, 6500)
    return {s: float(v) for s, v in zip(STOCKS.values(), rng.dirichlet([0.6] * 4) * total, strict=True)}


@pytest.mark.parametrize("number", range(40))
def test_random_contents_between_random_neighbours(number: int) -> None:
    rng = np.random.default_rng(number)
    volume = float(rng.uniform(200, 6500))
    contents: Contents = [mixture(rng), mixture(rng), {"water": volume}, {}, None][number % 5]
    left, right = (([None, {}, mixture(rng)][int(rng.integers(3))]) for _ in range(2))
    reading = read(contents, left, right, number)
    assert reading.present is (contents is not None)
    if contents is None:
        assert reading.state == "no_vial"
    elif not contents:
        assert reading.state == "empty"
    else:
        assert reading.state == "liquid"
        assert reading.level_mm == pytest.approx(sum(contents.values()) / VIEW.ul_per_mm, abs=0.3)


def test_colour_repeats_beside_any_neighbour() -> None:
    recipe = {"red dye": 600.0, "blue dye": 300.0, "water": 2100.0}
    others: list[Contents] = [None, {}, {"blue dye": 3000.0}, {"yellow dye": 5000.0}]
    labs = [read(recipe, others[n % 4], others[(n + 1) % 4], n).lab for n in range(8)]
    mean = np.mean([lab for lab in labs if lab], axis=0)
    assert all(lab is not None and delta_e00(lab, mean) <= 0.5 for lab in labs)


def test_colour_is_smooth_in_the_recipe() -> None:
    labs = [
        read({"red dye": 100.0 * n, "yellow dye": 2000 - 100.0 * n, "water": 1500.0}, {}, {}, n).lab
        for n in range(0, 21, 2)
    ]
    path = np.array([lab for lab in labs if lab])
    assert len(path) == 11
    middle = (path[:-2] + path[2:]) / 2
    assert max(delta_e00(a, b) for a, b in zip(path[1:-1], middle, strict=True)) < 1.0


@pytest.mark.parametrize("nozzle_mm", [0.0, 8.0, 15.0, 20.0])
@pytest.mark.parametrize("contents", [{"water": 3000.0}, {"red dye": 900.0, "water": 2100.0}, {}, None])
def test_nozzles_that_hang_in_do_not_confuse(nozzle_mm: float, contents: Contents) -> None:
    vials = (SeenVial("B2", -24.0, {"water": 2000.0}), SeenVial("B3", 0.0, contents))
    reading = read_vial(Renderer(SPEC, seed=3).frame(Scene(vials, 0.0, nozzle_mm)), VIEW)
    assert reading.state == ("no_vial" if contents is None else "liquid" if contents else "empty")
    if contents:
        assert reading.level_mm == pytest.approx(3000 / VIEW.ul_per_mm, abs=0.3)


@pytest.mark.parametrize("off_mm", [4.0, 8.0, 12.0])
def test_a_vial_out_of_its_place_is_not_read(off_mm: float) -> None:
    vials = tuple(SeenVial(f"B{n}", off_mm + 24.0 * (n - 3), {"water": 3000.0}) for n in (2, 3, 4))
    reading = read_vial(Renderer(SPEC, seed=4).frame(Scene(vials)), VIEW)
    assert reading.state == "unknown"


@pytest.mark.parametrize("seed", range(12))
def test_what_was_meant_to_be_dosed_makes_no_line_that_is_not_seen(seed: int) -> None:
    image = still_life(SPEC, {"A1": {"blue dye": 1500.0}}, "A1", seed=seed)
    reading = read_vial(image, VIEW, expected_ul=4000.0)
    assert reading.state == "liquid"
    assert reading.volume_ul == pytest.approx(1500.0, abs=60.0)
