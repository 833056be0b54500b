"""What reading a rack of vials costs: `start.py test -m benchmark tests/benchmarks/test_vision.py`."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.vision.scenes import Scene, render
from tests.vision.test_reader import random_scene
from vision.calibration import VialView
from vision.reader import read_frame

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
ROWS, COLUMNS, WIDTH, HEIGHT = 2, 6, 1280, 720
REPEATS = 30
CANNY_PASSES = 20
"""Generous: 12 vials cost about seven."""


def moved(view: VialView, right: float, down: float) -> VialView:
    """The same view of a picture that is a part of a larger one."""
    x0, y0, x1, y1 = view.box_px
    assert view.white_px is not None
    a0, b0, a1, b1 = view.white_px
    return replace(
        view,
        box_px=(x0 + right, y0 + down, x1 + right, y1 + down),
        base_row=view.base_row + down,
        white_px=(a0 + right, b0 + down, a1 + right, b1 + down),
    )


def rack() -> tuple[np.ndarray, list[VialView], list[Scene]]:
    """A frame of twelve vials in two rows, every kind of content in it."""
    rng = np.random.default_rng(3)
    wide, tall = WIDTH // COLUMNS, HEIGHT // ROWS
    frame = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    views, scenes = [], []
    for row in range(ROWS):
        for column in range(COLUMNS):
            scene = random_scene(rng, px_per_mm=7.0, base_row=tall - 20.0, centre_x=wide / 2, neighbours=())
            scene = replace(scene, lamp_bgr=(0.8, 0.84, 0.86))
            x, y = column * wide, row * tall
            frame[y : y + tall, x : x + wide] = render(scene, wide, tall)
            half = scene.outer_mm / 2 * scene.px_per_mm
            patch = (wide / 2 + half + 6, 80.0, wide / 2 + half + 20, tall - 40.0)
            views.append(moved(replace(scene.view, white_px=patch), x, y))
            scenes.append(scene)
    return frame, views, scenes


def test_twelve_vials_of_a_frame_cost_as_much_as_some_canny_passes() -> None:
    frame, views, scenes = rack()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    ours, plain = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        readings = read_frame(frame, views)
        middle = time.process_time()
        cv2.Canny(frame, 50, 150)
        ours.append(middle - start)
        plain.append(time.process_time() - middle)
    cv2.setNumThreads(threads)
    assert [r.state for r in readings] == ["liquid"] * len(scenes)
    ratio = float(np.median(ours) / np.median(plain))
    print(
        f"12 vials of a 1280 x 720 frame: {np.median(ours) * 1e3:.0f} ms, "
        f"{ratio:.1f} times a Canny pass of {np.median(plain) * 1e3:.1f} ms"
    )
    assert ratio < CANNY_PASSES
