"""What finding a rack by its markers costs: `start.py test -m benchmark tests/benchmarks/test_rack.py`."""

import time

import cv2
import numpy as np
import pytest

from tests.vision.rack_scenes import LENS, Stand, photograph
from tests.vision.test_rack_pose import SLOTS, STRIP, VIAL
from vision.rack_pose import RackPose, find_rack
from vision.rack_slots import project_slots

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(120)]
REPEATS = 30
CANNY_PASSES = 8
"""Generous: it costs about two."""


def test_a_rack_is_found_for_some_canny_passes() -> None:
    frame = photograph(STRIP, Stand(pitch_deg=6))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    ours, plain = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        pose = find_rack(frame, STRIP, LENS)
        assert isinstance(pose, RackPose)
        project_slots(pose, SLOTS, VIAL)
        middle = time.process_time()
        cv2.Canny(frame, 50, 150)
        ours.append(middle - start)
        plain.append(time.process_time() - middle)
    cv2.setNumThreads(threads)
    ratio = float(np.median(ours) / np.median(plain))
    print(
        f"markers and ten slots of a 1280 x 720 frame: {np.median(ours) * 1e3:.0f} ms, "
        f"{ratio:.1f} times a Canny pass of {np.median(plain) * 1e3:.1f} ms"
    )
    assert ratio < CANNY_PASSES
