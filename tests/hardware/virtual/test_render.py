"""What the camera sees agrees with what stands there."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from hardware.spec import RigSpec, VialSpec
from hardware.virtual.dyes import transmission
from hardware.virtual.glass import CLEAR
from hardware.virtual.render import Renderer, still_life, view_of
from hardware.virtual.scene import Scene, SeenVial

Floats = npt.NDArray[np.float64]


def linear(codes: npt.NDArray[np.uint8]) -> Floats:
    x = codes.astype(np.float64) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def seen(spec: RigSpec, contents_ul: Mapping[str, float], picture: npt.NDArray[np.uint8] | None = None) -> Floats:
    """Linear B, G, R of the vial's middle against the white beside it, as any reader would take it."""
    view = view_of(spec)
    assert view.white_px is not None
    frame = still_life(spec, {"B3": contents_ul}, "B3", noise=False) if picture is None else picture
    axis = round((view.box_px[0] + view.box_px[2]) / 2)
    level_px = sum(contents_ul.values()) / 176.71 * view.px_per_mm
    top, bottom = round(view.base_row - level_px + 12), round(view.base_row - 12)
    x0, _, x1, _ = (round(v) for v in view.white_px)
    middle = linear(frame[top:bottom, axis - 12 : axis + 13]).mean(axis=(0, 1))
    return np.asarray(middle / linear(frame[top:bottom, x0:x1]).mean(axis=(0, 1)))


@pytest.mark.parametrize("ul", [1000.0, 2500.0, 4000.0, 6500.0])
@pytest.mark.parametrize("stock", ["water", "red dye", "blue dye"])
def test_the_surface_is_where_the_volume_puts_it(spec: RigSpec, stock: str, ul: float) -> None:
    view = view_of(spec)
    frame = still_life(spec, {"B3": {stock: ul}}, "B3", noise=False)
    axis = round((view.box_px[0] + view.box_px[2]) / 2)
    column = frame[:, axis - 10 : axis + 11].mean(axis=(1, 2))
    inside = slice(round(view.box_px[1]) + 80, round(view.base_row) - 12)
    steepest = int(np.argmin(np.diff(column[inside]))) + inside.start + 0.5
    expected = view.base_row - ul / (np.pi * 15.0**2 / 4) * view.px_per_mm
    assert steepest == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(
    "contents",
    [
        {"red dye": 500.0, "water": 3500.0},
        {"yellow dye": 2000.0, "blue dye": 400.0, "water": 1600.0},
        {"red dye": 1000.0, "yellow dye": 1000.0, "blue dye": 1000.0, "water": 1000.0},
        {"water": 4000.0},
    ],
)
def test_the_middle_of_the_vial_follows_beer_lambert(spec: RigSpec, contents: dict[str, float]) -> None:
    expected = CLEAR * transmission(contents, [15.0])[0]
    assert seen(spec, contents) == pytest.approx(expected, abs=0.02)


def test_each_dye_darkens_its_own_colour_and_water_none() -> None:
    weak = {stock: transmission({stock: 200.0, "water": 3800.0}, [15.0])[0] for stock in ("red dye", "blue dye")}
    assert weak["red dye"].argmax() == 2
    assert weak["blue dye"].argmax() == 0
    assert transmission({"water": 10.0}, [15.0])[0] == pytest.approx([1.0, 1.0, 1.0])
    twice = transmission({"red dye": 1.0, "water": 9.0}, [10.0])[0]
    assert twice == pytest.approx(transmission({"red dye": 2.0, "water": 8.0}, [5.0])[0]), (
        "concentration times path"
    )


def test_noise_leaves_the_colour_of_the_recipe(spec: RigSpec) -> None:
    contents = {"red dye": 500.0, "yellow dye": 500.0, "water": 3000.0}
    clean = seen(spec, contents)
    noisy = np.stack(
        [seen(spec, contents, still_life(spec, {"B3": contents}, "B3", seed=seed)) for seed in range(8)]
    )
    assert noisy.mean(axis=0) == pytest.approx(clean, rel=0.01)
    spread = noisy.std(axis=0) / clean
    assert np.all((spread > 0.001) & (spread < 0.02))


def test_neighbours_stand_at_the_pitch_and_a_missing_vial_is_missing(spec: RigSpec) -> None:
    view = view_of(spec)
    full, pitch_px = {"blue dye": 4000.0}, 24.0 * view.px_per_mm
    frame = still_life(spec, {"B2": full, "B3": None, "B4": full}, "B3", noise=False)
    axis, row = (view.box_px[0] + view.box_px[2]) / 2, round(view.base_row) - 40
    panel = still_life(spec, {f"B{i}": None for i in range(1, 7)}, "B3", noise=False)
    red = frame[row, :, 2].astype(int) - panel[row, :, 2].astype(int)
    assert red[round(axis - pitch_px)] < -60
    assert red[round(axis + pitch_px)] < -60
    assert abs(red[round(axis)]) <= 1


def test_motion_and_pouring_are_visible(spec: RigSpec) -> None:
    renderer = Renderer(spec)
    vial = SeenVial("A1", 0.0, {"water": 1000.0})
    still = renderer.clean(Scene((vial,)))
    assert np.array_equal(still, renderer.clean(Scene((vial,))))
    moved = renderer.clean(Scene((SeenVial("A1", 3.0, vial.contents_ul),)))
    poured = renderer.clean(Scene((vial,), pouring=(("red dye", 100.0),), t_s=1.0))
    dripped = renderer.clean(Scene((vial,), pouring=(("red dye", 5.0),), t_s=2.5))
    away = renderer.clean(Scene((vial,), depth_mm=8.0))
    for other in (moved, poured, dripped, away):
        assert np.abs(other - still).max() > 20


def test_another_vial_gets_a_view_of_its_own_that_fits(spec: RigSpec) -> None:
    tall = replace(spec, rack=replace(spec.rack, pitch_mm=40.0, vial=VialSpec(22e3, 20e3, 25.0, 28.0, 57.0, 1.5)))
    view = view_of(tall)
    assert 0 <= view.box_px[0] < view.box_px[2] <= 640
    assert 0 <= view.box_px[1] < view.box_px[3] <= 480
    assert still_life(tall, {"A1": {"red dye": 10e3}}, "A1").shape == (480, 640, 3)
