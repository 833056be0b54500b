"""The commands about markers and lenses, and looking at a whole rack."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from campaign import narrate
from campaign.drawn import save_drawn
from campaign.rack_sight import RackSeen, board_of, see_rack, station_view, view_shift
from hardware.rig_file import load_rig
from hardware.spec import RigSpec, ViewSpec
from vision.chart import correction_of
from vision.lens import calibrate_lens
from vision.lens_file import lens_to_toml, load_lens
from vision.look import reading_to_json
from vision.marker_sheet import MARKER_MM, MARKERS, lens_page, rack_page, rig_table, strip_board
from vision.overlay import draw
from vision.picture import load_image
from vision.rack_markers import ChessBoard
from vision.rack_pose import NotSeen
from vision.rack_slots import SlotView
from vision.reader import read_frame
from vision.sheet_files import save_sheet

if TYPE_CHECKING:
    from vision.reading import VialReading


def sight_command(arguments: argparse.Namespace) -> int:
    """`aliquot markers` and `aliquot lens`."""
    return _markers(arguments) if arguments.command == "markers" else _lens(arguments)


def _markers(arguments: argparse.Namespace) -> int:
    """Write the sheet, and tell the table that the rig file needs for it."""
    strip = (arguments.count, arguments.size_mm, arguments.pitch_mm, arguments.first)
    if not arguments.rig:
        count, size_mm, pitch_mm, first = strip
        board = strip_board(count or MARKERS, size_mm or MARKER_MM, pitch_mm, first or 0)
    elif strip == (None,) * 4:
        board = board_of(load_rig(arguments.rig))
    else:
        raise ValueError("with --rig the rig file says how many markers there are, how large and where")
    table = "\n".join(rig_table(board))
    # a rig file that tells its markers has its own table
    pages = [
        rack_page(board, arguments.paper, with_table=not arguments.rig),
        lens_page(ChessBoard(), arguments.paper),
    ]
    written = save_sheet(pages, arguments.out)
    if arguments.json:
        print(narrate.json_line({"written": [str(path) for path in written], "markers": table}))
        return 0
    print(f"Written: {', '.join(map(str, written))}: markers for the rack, and a board to measure the lens with.")
    if not arguments.rig:
        print("Glue the strip to the rack's front and put this into the rig file; origin_mm is where the middle of")
        print("the first marker is from the middle of A1's underside: to the right, up, towards the camera.\n")
        print(table)
    return 0


def _lens(arguments: argparse.Namespace) -> int:
    """Measure the lens, and save or print it."""
    lens = calibrate_lens([load_image(path) for path in arguments.images], ChessBoard())
    text = lens_to_toml(lens)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    if arguments.json:
        print(narrate.json_line(asdict(lens)))
        return 0
    if not arguments.out:
        print(text, end="")
        return 0
    print(f"{arguments.out}: measured from {lens.views} pictures, corners fit to {lens.rms_px:.2f} px.")
    print("Its lines go under [lens] in the rig file, or: aliquot look IMAGE --rack RIG.toml --lens FILE")
    return 0


def look_rack_command(arguments: argparse.Namespace) -> int:
    """A line per slot of the rack, or with --json one object by file name. Returns 2 where a rack is not seen."""
    rig = load_rig(arguments.rack)
    at = _slot(rig, arguments.at) if arguments.at else None
    lens = load_lens(arguments.lens) if arguments.lens else None
    correction = correction_of(arguments.chart) if arguments.chart else None
    record: dict[str, object] = {}
    lost = False
    for path in arguments.images:
        image = load_image(path)
        seen = see_rack(image, rig, lens=lens)
        if isinstance(seen, NotSeen):
            lost = True
            record[path.name] = {"why": seen.why, "slots": []}
            lines = [f"{path}: {seen.why}"]
        else:
            true = image if correction is None else correction.corrected(image)
            known = [slot for slot in seen.slots if not _why_not(slot)]
            told = read_frame(true, [slot.view for slot in known])
            readings = {slot.slot: reading for slot, reading in zip(known, told, strict=True)}
            record[path.name] = _record(rig, seen, readings, at)
            lines = [
                f"{path}: {_in_words(seen)}",
                *_lines(seen, readings),
                *(_station(rig, seen, at) if at else ()),
            ]
            if arguments.draw:
                save_drawn(draw(image, readings.values()), path, arguments.draw)
        if not arguments.json:
            print("\n".join(lines))
    if arguments.json:
        print(narrate.json_line(record))
    return 2 if lost else 0


def _slot(rig: RigSpec, told: str) -> str:
    """Raises ValueError for a slot that the rack does not have."""
    slots = rig.rack.slots
    if told.upper() not in slots:
        raise ValueError(f"--at: the rack has no slot {told!r}; it has {slots[0]} to {slots[-1]}")
    return told.upper()


def _lines(seen: RackSeen, readings: "dict[str, VialReading]") -> list[str]:
    from campaign.terminal import reading_in_words

    return [f"    {slot.slot}: {_why_not(slot) or reading_in_words(readings[slot.slot])}" for slot in seen.slots]


def _station(rig: RigSpec, seen: RackSeen, slot: str) -> list[str]:
    """The [view] of the rig file from this picture, and whether the one that it has still fits."""
    view = station_view(rig, seen, slot)
    moved = view_shift(rig, seen, slot)
    lines = [f"With {slot} at the station the rig file's view is:", "", "[view]"]
    lines += [f"{key} = {value}" for key, value in _table(view).items()]
    if moved is not None:
        lines += ["", f"The view that it has does not fit: {moved.words}."]
    return lines


def _table(view: ViewSpec) -> dict[str, object]:
    """What the markers tell of a view, as a rig file has it."""
    table: dict[str, object] = {
        "box_px": [round(v, 1) for v in view.box_px],
        "base_row": round(view.base_row, 1),
        "px_per_mm": float(f"{view.px_per_mm:.4g}"),
    }
    return table if view.white_px is None else table | {"white_px": [round(v, 1) for v in view.white_px]}


def _in_words(seen: RackSeen) -> str:
    ids = ", ".join(map(str, seen.pose.seen.ids))
    sd = max(slot.sd_px for slot in seen.slots)
    doubts = "".join(f"; {doubt}" for doubt in seen.pose.doubts)
    return f"rack found by markers {ids}, which fit to {seen.pose.rms_px:.2f} px; slots ±{1.96 * sd:.1f} px{doubts}"


def _why_not(slot: SlotView) -> str:
    """Why what stands in a slot is not read; nothing where it is."""
    if not slot.whole:
        return "not in the picture"
    if slot.hidden_by:
        return f"hidden by {', '.join(slot.hidden_by)}"
    if slot.rough:
        return f"its place is known to ±{1.96 * slot.sd_px:.0f} px only: measure the lens (aliquot lens)"
    return ""


def _record(rig: RigSpec, seen: RackSeen, readings: "dict[str, VialReading]", at: str | None) -> dict[str, object]:
    slots = []
    for slot in seen.slots:
        found: dict[str, object] = {
            "slot": slot.slot,
            "bbox": [round(v, 2) for v in slot.view.box_px],
            "base_row": round(slot.view.base_row, 2),
            "px_per_mm": round(slot.view.px_per_mm, 4),
            "sd_px": round(slot.sd_px, 2),
        }
        if why := _why_not(slot):
            found["why"] = why
        else:
            found |= reading_to_json(readings[slot.slot])
        slots.append(found)
    pose = seen.pose
    record: dict[str, object] = {
        "markers": list(pose.seen.ids),
        "rms_px": round(pose.rms_px, 3),
        "doubt": list(pose.doubts),
        "slots": slots,
    }
    if at is not None:
        moved = view_shift(rig, seen, at)
        record |= {"view": _table(station_view(rig, seen, at)), "moved": None if moved is None else moved.words}
    return record
