"""lens.toml: a measured lens as a small file. Every mistake in it is told at once."""

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path

from vision.lens import Lens

MOST_BYTES = 100_000
_LISTS = {"size_px": 2, "focal_px": 2, "centre_px": 2, "distortion": 5}
_KEYS = ("format", *_LISTS, "rms_px", "views")
_NEEDED = ("format", "size_px", "focal_px", "centre_px")
MOST_SIDE_PX = 100_000


class LensFileError(ValueError):
    """A lens file that cannot be used. `mistakes`: every one of them, one sentence each."""

    def __init__(self, path: str | Path, mistakes: tuple[str, ...]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{path}: {count}\n" + "\n".join(f"  {m}" for m in mistakes))
        self.mistakes = mistakes


def lens_to_toml(lens: Lens) -> str:
    """A lens file that `load_lens` reads back as the same Lens."""
    lines = ["# A camera's lens, as `aliquot lens` measured it.", "format = 1"]
    for key in _LISTS:
        lines.append(f"{key} = [{', '.join(repr(v) for v in getattr(lens, key))}]")
    return "\n".join([*lines, f"rms_px = {lens.rms_px!r}", f"views = {lens.views}", ""])


def load_lens(path: str | Path) -> Lens:
    """Read and check a lens file. Raises LensFileError with every mistake."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LensFileError(path, (f"cannot be read: {error.strerror or error}",)) from error
    if len(raw) > MOST_BYTES:
        raise LensFileError(path, ("larger than 100 kB; a lens file is a few lines",))
    try:
        return parse_lens(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise LensFileError(path, ("not UTF-8 text; save the file as UTF-8",)) from error


def parse_lens(text: str, where: str | Path = "lens.toml") -> Lens:
    """The text of a lens file as a Lens. Raises LensFileError with every mistake."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise LensFileError(where, (f"not TOML: {str(error) or 'nested too deeply'}",)) from error
    mistakes = _mistakes(table)
    if mistakes:
        raise LensFileError(where, tuple(mistakes))
    bent = [float(v) for v in table.get("distortion", (0.0,) * 5)]
    (w, h), (fx, fy), (cx, cy) = (table[key] for key in ("size_px", "focal_px", "centre_px"))
    lens = Lens(
        (w, h),
        (float(fx), float(fy)),
        (float(cx), float(cy)),
        (bent[0], bent[1], bent[2], bent[3], bent[4]),
        float(table.get("rms_px", 0.0)),
        table.get("views", 0),
    )
    if lens.mistakes:
        raise LensFileError(where, lens.mistakes)
    return lens


def _mistakes(table: Mapping[str, object]) -> list[str]:
    told = []
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0.6)
            told.append(f"{key}: is not known here; " + (f'did you mean "{near[0]}"?' if near else _known()))
    told += [f"{key}: is missing" for key in _NEEDED if key not in table]
    if "format" in table and (isinstance(table["format"], bool) or table["format"] != 1):
        told.append(f"format: expected 1, got {table['format']}")
    wrong = {key for key, many in _LISTS.items() if key in table and not _numbers(table[key], many)}
    told += [f"{key}: expected a list of {_LISTS[key]} finite numbers" for key in _LISTS if key in wrong]
    size, focal = table.get("size_px"), table.get("focal_px")
    if isinstance(size, list) and "size_px" not in wrong:
        if not all(isinstance(v, int) and 1 <= v <= MOST_SIDE_PX for v in size):
            told.append(f"size_px: expected two whole numbers from 1 to {MOST_SIDE_PX}: width and height")
        elif isinstance(focal, list) and "focal_px" not in wrong:
            most = 100 * max(size)
            if not all(0 < v <= most for v in focal):
                told.append(f"focal_px: expected two numbers above 0 and at most {most}")
    rms, views = table.get("rms_px", 0.0), table.get("views", 0)
    if not _numbers([rms], 1) or not isinstance(rms, int | float) or rms < 0:
        told.append("rms_px: expected a number from 0 on")
    if isinstance(views, bool) or not isinstance(views, int) or views < 0:
        told.append("views: expected a whole number from 0 on")
    return told


def _known() -> str:
    return f"known are {', '.join(_KEYS)}"


def _numbers(value: object, many: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == many
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        and all(abs(v) < 1e12 and math.isfinite(v) for v in value)
    )
