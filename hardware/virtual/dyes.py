"""Colours of the stocks: absorption bands of food dyes, and the camera that turns a spectrum into R, G, B.

Beer-Lambert on 31 wavelengths: every dye adds its absorbance by concentration and path; the light that is left is
weighed with the camera's three sensitivities, balanced so that the bare panel is white.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_NM = np.arange(400, 701, 10, dtype=np.float64)
_BANDS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # peak nm, sd nm, absorbance per mm of undiluted stock
    "red": ((504, 30, 0.20), (540, 22, 0.06), (445, 34, 0.11)),  # Allura Red AC
    "yellow": ((427, 34, 0.20), (480, 18, 0.03)),  # tartrazine
    "blue": ((629, 24, 0.23), (585, 28, 0.08), (409, 14, 0.02)),  # Brilliant Blue FCF
    "green": ((425, 28, 0.07), (637, 24, 0.11)),  # Fast Green FCF
    "orange": ((482, 36, 0.12),),
    "magenta": ((545, 30, 0.12),),
    "cyan": ((650, 35, 0.11),),
    "violet": ((585, 32, 0.12),),
    "black": ((450, 120, 0.11), (600, 120, 0.11)),
}
_SENSITIVITY = ((604.0, 26.0), (539.0, 30.0), (456.0, 24.0))
"""Peak and width of R, G, B, nm."""


def bands_of(stock: str) -> str:
    """The dye that a stock's name speaks of ("red dye" is red); empty for a clear liquid such as water."""
    words = stock.lower().replace("_", " ").replace("-", " ").split()
    return next((word for word in words if word in _BANDS), "")


_CLEAR = frozenset({"water", "buffer", "saline", "solvent", "diluent", "ethanol", "blank", "clear"})


def is_known(stock: str) -> bool:
    """Whether the name speaks of a dye or of a liquid that is meant to be clear."""
    words = stock.lower().replace("_", " ").replace("-", " ").split()
    return any(word in _BANDS or word in _CLEAR for word in words)


@lru_cache(maxsize=64)
def _absorbance_per_mm(stock: str) -> npt.NDArray[np.float64]:
    total = np.zeros_like(_NM)
    for peak, sd, height in _BANDS.get(bands_of(stock), ()):
        total += height * np.exp(-((_NM - peak) ** 2) / (2 * sd * sd))
    return total


@lru_cache(maxsize=1)
def _camera() -> npt.NDArray[np.float64]:
    """(31, 3), columns sum to 1, in the order B, G, R."""
    curves = np.stack([np.exp(-((_NM - peak) ** 2) / (2 * sd * sd)) for peak, sd in _SENSITIVITY[::-1]], axis=1)
    balanced: npt.NDArray[np.float64] = curves / curves.sum(axis=0)
    return balanced


def transmission(contents_ul: Mapping[str, float], path_mm: npt.ArrayLike) -> Floats:
    """Light left after each path through the mixture, linear B, G, R against the bare panel: (n, 3)."""
    paths = np.atleast_1d(np.asarray(path_mm, dtype=np.float64))
    total_ul = sum(contents_ul.values())
    if total_ul <= 0.0:
        return np.ones((len(paths), 3), np.float32)
    per_mm = np.zeros_like(_NM)
    for stock, ul in contents_ul.items():
        per_mm += _absorbance_per_mm(stock) * (ul / total_ul)
    left = np.power(10.0, -np.outer(paths, per_mm)) @ _camera()
    return left.astype(np.float32)
