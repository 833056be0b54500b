"""Single values of a rig file changed in place: comments, order and layout stay as the person left them."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from hardware.rig_file import RigFileError, parse_rig
from hardware.spec import RackSpec, ViewSpec
from hardware.toml_file import did_you_mean, read_text

Value = float | str | Sequence[float] | Mapping[str, Sequence[float]] | Mapping[str, float] | None
"""What may stand in a rig file; None takes the key out."""
_OF_LABWARE = frozenset({"rows", "columns", "pitch_mm", "row_pitch_mm", "places_mm"})


def set_calibration(path: str | Path, role: str, values: Mapping[str, float], note: str = "") -> None:
    """Put `values` (factor, offset_ul) of one pump into a rig file. note: a comment behind the factor.

    The file on disk is the old one or the new one, never half of it. Raises RigFileError when the file has
    mistakes, or would have some afterwards; KeyError for a pump that it does not have.
    """
    set_values(path, ("pumps", role), values, note)


def set_values(
    path: str | Path, table: tuple[str, ...], values: Mapping[str, Value], note: str = "", *, new: bool = False
) -> None:
    """Put `values` into one table of a rig file, as `set_calibration` does for a pump's. new: make the table where
    there is none."""
    path = Path(path)
    text = read_text(path)
    parse_rig(text, path)
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise RigFileError(path, (f"cannot be edited: {error}",)) from error
    part: object = document
    if new and len(table) == 1 and table[0] not in document:
        document[table[0]] = tomlkit.table()
    for i, key in enumerate(table):
        if not isinstance(part, dict) or key not in part:
            known = list(part) if isinstance(part, dict) else []
            raise KeyError(f"{path} has no [{'.'.join(table[: i + 1])}]{did_you_mean(key, known)}")
        part = part[key]
    if not isinstance(part, dict):
        raise KeyError(f"{path}: {'.'.join(table)} is no table")
    for key, value in values.items():
        if value is None:
            part.pop(key, None)
            continue
        item = tomlkit.item(value)
        if note and key == next(iter(values)):
            item.comment(" ".join(note.split()))
        part[key] = item
    changed = tomlkit.dumps(document)
    parse_rig(changed, path)
    _replace(path, changed)


def set_rack(path: str | Path, rack: RackSpec, labware: str | None = None) -> None:
    """Put a rack into a rig file, as `set_calibration` does for a pump's values. Vials stay as the file has them,
    unless they come with the rack from a labware file.

    labware: name of that file, which lies beside the rig file.
    """
    plain = {k: v for k, v in asdict(rack).items() if k != "vial"}
    plain |= {"a1_mm": list(rack.a1_mm), "angle_deg": rack.angle_deg or None, "places_mm": rack.places_mm or None}
    if labware is not None:
        plain |= {**dict.fromkeys(_OF_LABWARE), "vial": None}
    set_values(path, ("rack",), {"labware": labware, **plain})


def set_view(path: str | Path, view: ViewSpec) -> None:
    """Put the place of the vial in the picture into a rig file, as `set_calibration` does for a pump's values."""
    values: dict[str, Value] = {
        "box_px": list(view.box_px),
        "base_row": view.base_row,
        "px_per_mm": view.px_per_mm,
        "white_px": None if view.white_px is None else list(view.white_px),
        "picture": Path(view.picture).name or None,
        "volume": None if view.volume is None else asdict(view.volume),
    }
    set_values(path, ("view",), values, new=True)


def _replace(path: Path, text: str) -> None:
    real = path.resolve()  # a link stays a link
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if os.name == "posix":
            Path(name).chmod(real.stat().st_mode & 0o777)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
