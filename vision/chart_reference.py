"""What the 24 patches of the classic colour chart are: the maker's figures, adapted to D65.

X-Rite, "New color specifications for ColorChecker SG and Classic charts", edition November 2014 and newer: CIELAB,
D50, 2°, in rows from dark skin to black. Adapted to D65 by Bradford's transform (Lam 1985; as in ICC.1:2010,
annex E).
"""

import numpy as np
import numpy.typing as npt

from vision.colour import D65, SRGB_TO_XYZ

Floats = npt.NDArray[np.float64]

ROWS, COLUMNS = 4, 6
NAMES = (
    "dark skin", "light skin", "blue sky", "foliage", "blue flower", "bluish green",
    "orange", "purplish blue", "moderate red", "purple", "yellow green", "orange yellow",
    "blue", "green", "red", "yellow", "magenta", "cyan",
    "white", "neutral 8", "neutral 6.5", "neutral 5", "neutral 3.5", "black",
)  # fmt: skip
GREYS = slice(18, 24)
LAB_D50 = np.array([
    (37.54, 14.37, 14.92), (64.66, 19.27, 17.50), (49.32, -3.82, -22.54),
    (43.46, -12.74, 22.72), (54.94, 9.61, -24.79), (70.48, -32.26, -0.37),
    (62.73, 35.83, 56.50), (39.43, 10.75, -45.17), (50.57, 48.64, 16.67),
    (30.10, 22.54, -20.87), (71.77, -24.13, 58.19), (71.51, 18.24, 67.37),
    (28.37, 15.42, -49.80), (54.38, -39.72, 32.27), (42.43, 51.05, 28.62),
    (81.80, 2.67, 80.41), (50.63, 51.28, -14.12), (49.57, -29.71, -28.32),
    (95.19, -1.03, 2.93), (81.29, -0.57, 0.44), (66.89, -0.75, -0.06),
    (50.76, -0.13, 0.14), (35.63, -0.46, -0.48), (20.64, 0.07, -0.46),
])  # fmt: skip
D50 = np.array([0.96422, 1.0, 0.82521])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def reference_rgb(lab_d50: npt.ArrayLike = LAB_D50) -> Floats:
    """Linear sRGB, D65, of patches given in CIELAB D50; (n, 3). What no screen shows is below 0 or above 1."""
    L, a, b = np.moveaxis(np.asarray(lab_d50, dtype=np.float64), -1, 0)
    fy = (L + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    cones = np.diag(BRADFORD @ D65 / (BRADFORD @ D50))
    adapted = xyz @ (np.linalg.inv(BRADFORD) @ cones @ BRADFORD).T
    return np.asarray(adapted @ np.linalg.inv(SRGB_TO_XYZ).T)
