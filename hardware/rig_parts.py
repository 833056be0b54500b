"""What a rig file may name instead of spelling out: a syringe of the table, a labware file beside it."""

from pathlib import Path, PureWindowsPath

from hardware import syringes
from hardware.labware import Labware, LabwareError, rack_of, read_labware
from hardware.toml_file import Mistakes, Table, joined, shown

_SAME = 0.005
"""Numbers of a rig file and of a table that differ by less than this part of them are one number, rounded."""
_OF_VIAL = ("fill_limit_ul", "outer_mm", "height_mm", "base_mm")


def fill_syringes(table: Table, mistakes: Mistakes) -> None:
    """diameter_mm and capacity_ul of every pump that names a syringe. What contradicts the table is a mistake."""
    pumps = table.get("pumps")
    for role, part in (pumps if isinstance(pumps, dict) else {}).items():
        name = part.get("syringe") if isinstance(part, dict) else None
        if not isinstance(name, str) or not name:
            continue
        place = joined("pumps", role)
        try:
            syringe = syringes.find(name)
        except syringes.UnknownSyringeError as error:
            mistakes.add(f"{place}.syringe", str(error))
            for key in ("diameter_mm", "capacity_ul"):  # one mistake, not three; the pump is judged by the largest
                part.setdefault(key, max(getattr(s, key) for s in syringes.SYRINGES))
            continue
        for key, right in (("diameter_mm", syringe.diameter_mm), ("capacity_ul", syringe.capacity_ul)):
            _fill(part, key, right, f"{place}.{key}", f"a {syringe.name} syringe has", mistakes)


def fill_labware(table: Table, folder: Path, mistakes: Mistakes) -> None:
    """rows, columns, pitches, places and the vial of a rack that names a labware file in the rig file's folder."""
    rack = table.get("rack")
    name = rack.pop("labware", None) if isinstance(rack, dict) else None
    if not isinstance(rack, dict) or name is None:
        return
    if not isinstance(name, str) or not name.strip():
        mistakes.add("rack.labware", f"expected the name of a labware file, got {shown(name)}")
        return
    if Path(name).is_absolute() or PureWindowsPath(name).drive or ".." in PureWindowsPath(name).parts:
        mistakes.add(
            "rack.labware", f"{shown(name)} leaves the rig file's folder; put the file beside the rig file"
        )
        return
    try:
        labware = read_labware(folder / name)
    except LabwareError as error:
        others = sorted(f.name for f in folder.glob("*.json"))[:10] if error.mistakes == ("no such file",) else []
        there = f"; there are {', '.join(others)}" if others else ""
        mistakes.add("rack.labware", f"{shown(name)}: {'; '.join(error.mistakes[:5])}{there}")
        return
    _fill_rack(rack, labware, mistakes)


def find_beside(table: Table, key: str, folder: Path, mistakes: Mistakes) -> None:
    """The path of the file that a view names under `key`, in the rig file's folder."""
    view = table.get("view")
    name = view.get(key) if isinstance(view, dict) else None
    if not isinstance(view, dict) or not isinstance(name, str) or not name:
        return
    path = folder / name
    if Path(name).name != name:
        mistakes.add(f"view.{key}", f"{shown(name)} leaves the rig file's folder; put the file beside the rig file")
    elif not path.is_file():
        mistakes.add(f"view.{key}", f"there is no file {shown(name)} beside the rig file; take this line out")
    view[key] = str(path)


def _fill_rack(rack: Table, labware: Labware, mistakes: Mistakes) -> None:
    vial = rack.setdefault("vial", {})
    if not isinstance(vial, dict):
        return
    own = {
        k: v for k in _OF_VIAL if isinstance(v := vial.get(k), int | float) and not isinstance(v, bool) and v > 0
    }
    made = rack_of(labware, (0.0, 0.0), **own)
    has = f"{labware.name or labware.load_name} has"
    numbers: dict[str, float] = {"rows": made.rows, "columns": made.columns, "pitch_mm": made.pitch_mm}
    numbers |= {"row_pitch_mm": made.row_pitch_mm} if made.row_pitch_mm is not None else {}
    for key, right in numbers.items():
        _fill(rack, key, right, f"rack.{key}", has, mistakes)
    if made.places_mm:
        rack.setdefault("places_mm", {slot: list(at) for slot, at in made.places_mm.items()})
    for key in ("capacity_ul", "bore_mm"):
        _fill(vial, key, getattr(made.vial, key), f"rack.vial.{key}", has, mistakes)
    for key in _OF_VIAL:
        vial.setdefault(key, getattr(made.vial, key))
    if made.vial.profile:
        vial.setdefault("profile", [list(pair) for pair in made.vial.profile])


def _fill(table: Table, key: str, right: float, place: str, who_has: str, mistakes: Mistakes) -> None:
    said = table.setdefault(key, right)
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    if is_number and abs(float(said) - right) > _SAME * right:  # type: ignore[arg-type]  # a number, it was asked
        mistakes.add(place, f"{said:g} is said, but {who_has} {right:g}; leave it out, or correct one of the two")
