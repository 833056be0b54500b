"""The figures of the rack's pose: random cameras, light, blur and noise.

    python -m tests.vision.rack_figures [--count 60] [--seed 7]

Worst slot corner of each picture in px (bottoms and rims of ten vials, those behind too), how the error compares
with the uncertainty that was told, and how often a camera that moved by 3 px, or did not move, is called moved.
"""

import argparse

import cv2
import numpy as np

from tests.vision.rack_scenes import LENS, Stand, photograph
from tests.vision.test_rack_pose import SLOTS, STRIP
from vision.camera_moved import MarkerCheck, Moved
from vision.rack_markers import Image, MarkerBoard
from vision.rack_pose import NotSeen, RackPose, find_rack

CORNERS = MarkerBoard((0, 1, 2, 3), 15.0, ((0, -10, 20), (90, -10, 20), (0, 30, 20), (90, 30, 20)))
FEET = np.array(list(SLOTS.values()))
PLACES = np.concatenate([FEET, FEET + np.array((0.0, 60.0, 0.0))])
MOVE_PX = 3.0


def stand(random: np.random.Generator) -> Stand:
    pitch, yaw = random.uniform(-15, 15, 2)
    x, y, z = random.uniform((-80, 0, 250), (-20, 40, 450))
    return Stand(float(pitch), float(yaw), float(random.uniform(-5, 5)), (float(x), float(y), float(z)))


def seen_by(board: MarkerBoard, where: Stand, random: np.random.Generator) -> Image:
    light = {"gain": float(random.uniform(0.3, 1.0)), "slope": float(random.uniform(-0.6, 0.6))}
    blur, noise = float(random.uniform(0.4, 1.6)), float(random.uniform(1, 8))
    return photograph(board, where, seed=int(random.integers(1 << 30)), blur_px=blur, noise=noise, light=light)


def moved(where: Stand, random: np.random.Generator) -> Stand:
    x, y, z = where.shift_mm
    way, far_mm = random.uniform(0, 2 * np.pi), MOVE_PX * z / LENS.focal_px[0]
    there = (x + far_mm * float(np.cos(way)), y + far_mm * float(np.sin(way)), z)
    return Stand(where.pitch_deg, where.yaw_deg, where.roll_deg, there)


def figures(name: str, board: MarkerBoard, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    worst: dict[bool, list[float]] = {True: [], False: []}
    ratio: dict[bool, list[float]] = {True: [], False: []}
    missed = called = noticed = 0
    for _ in range(count):
        where = stand(random)
        image = seen_by(board, where, random)
        true = where.project(PLACES)
        for lens in (LENS, None):
            pose = find_rack(image, board, lens)
            if isinstance(pose, NotSeen):
                missed += 1
                continue
            at, sd = pose.project(PLACES)
            off = np.linalg.norm(at - true, axis=1)
            worst[lens is not None].append(float(off.max()))
            ratio[lens is not None] += (off / (sd * np.sqrt(2))).tolist()
        pose = find_rack(image, board, LENS)
        if isinstance(pose, RackPose):
            check = MarkerCheck(board, pose, PLACES)
            called += isinstance(check.check(seen_by(board, where, random)), Moved)
            noticed += isinstance(check.check(seen_by(board, moved(where, random), random)), Moved)
    print(
        f"{name}: not found {missed} of {2 * count}; moved: {noticed} of {count} by 3 px, {called} of {count} still"
    )
    for measured in (True, False):
        median, p95, most = np.percentile(worst[measured], (50, 95, 100))
        told = np.sqrt(np.mean(np.square(ratio[measured])))
        lens = "lens measured" if measured else "lens guessed "
        print(f"  {lens}: worst slot median {median:.2f}, p95 {p95:.2f}, most {most:.2f} px; error / sd {told:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures("4 markers in a row, 90 mm", STRIP, arguments.count, arguments.seed)
    figures("4 markers, 90 x 40 mm", CORNERS, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
