"""What the camera view's set-up has done off the GUI thread: a picture, boxes of vials, a level, a marker sheet.

The first three give what is to be shown and what is to be said.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardware.devices import Image, Rig
    from hardware.spec import RigSpec, ViewSpec
    from vision.reading import VialReading

Box = tuple[float, float, float, float]


def picture(rig: "Rig") -> tuple["Image", str]:
    """A new picture of the rig's camera. Raises RuntimeError without one, HardwareError when none comes."""
    if rig.camera is None:
        raise RuntimeError("The rig has no camera: put one into its rig file first.")
    from campaign.guard import why_doubted
    from vision.quality import frame_doubt

    image = rig.camera.capture().image
    doubt = frame_doubt(image)
    return image, f"See to this first, and take a new picture: {why_doubted(doubt)}." if doubt else ""


def vials(rig: "Rig", image: "Image") -> tuple[tuple[list[Box], "ViewSpec | None"], str]:
    """Boxes of likely vials, left to right; where markers on the rack tell it, the station's own view."""
    from vision.locate import locate

    view, said = _by_markers(rig, image) if rig.spec.markers is not None else (None, "")
    if view is not None:
        return ([view.box_px], view), said
    boxes = locate(image)
    if not boxes:
        return (boxes, None), f"{said}No vial was found in the picture: drag the box by hand."
    found = "1 vial found" if len(boxes) == 1 else f"{len(boxes)} vials found; click the one at the station"
    return (boxes, None), f"{said}{found}, then drag what is off."


def _by_markers(rig: "Rig", image: "Image") -> tuple["ViewSpec | None", str]:
    """The view of the slot at the station, and what is said; no view where the markers do not tell it."""
    from campaign.rack_sight import RackSeen, see_rack, station_view, view_shift

    if not rig.stage.homed:
        return None, "Home the stage, or the markers do not tell which slot is at the station. "
    x_mm, y_mm, _ = rig.stage.position_mm()
    slot = rig.spec.rack.nearest(x_mm, y_mm)
    seen = see_rack(image, rig.spec)
    if not isinstance(seen, RackSeen):
        return None, f"By the markers: {seen.why}. "
    try:
        view, moved = station_view(rig.spec, seen, slot), view_shift(rig.spec, seen, slot)
    except ValueError as error:
        return None, f"By the markers: {error}. "
    since = "" if moved is None else f", and {moved.words} since the view was saved"
    return view, f"The markers tell where {slot} is{since}; drag what is off."


def level(rig: "Rig", view: "ViewSpec") -> tuple[tuple["Image", "VialReading"], str]:
    """A new picture, and what is read in it where `view` says that the vial stands."""
    from campaign.eye import view_of
    from vision.reader import read_vial

    (image, _), vial_view = picture(rig), view_of(replace(rig.spec, view=view))
    if vial_view is None:
        raise RuntimeError("The rig has no view of the vial.")
    reading = read_vial(image, vial_view)
    if reading.surface_row is None:
        return (image, reading), "The eye sees no level there: drag the line “level” to it."
    return (image, reading), "The line “level” is where the eye sees the surface; drag it if it is not."


def save_view(rig: "RigSpec", view: "ViewSpec", image: "Image", file: Path) -> None:
    """Into the rig file, with its picture beside it, against which a moved camera is told. The picture of a virtual
    camera is not kept: the real one's differs. Raises ValueError for a picture that is no evidence, RigFileError,
    OSError."""
    from hardware.rig_edit import set_view

    if not rig.simulated:
        import cv2

        from campaign.guard import why_doubted
        from vision.quality import frame_facts

        if refused := frame_facts(image).refused:
            raise ValueError(f"Nothing is saved: {why_doubted(refused)}. Take a new picture.")
        picture = file.with_suffix(".view.png")
        before = picture.read_bytes() if picture.exists() else None
        picture.write_bytes(cv2.imencode(".png", image)[1].tobytes())
        try:
            set_view(file, replace(view, picture=str(picture)))
        except Exception:
            if before is not None:  # it belongs to the view that stays
                picture.write_bytes(before)
            raise
    else:
        set_view(file, view)


def marker_sheet(rig: "RigSpec | None", path: Path) -> str:
    """Write the strip of the rig file's markers, or one to begin with, and the board that measures the lens.

    Returns what is to be done with it. Raises ValueError for another ending than .pdf or .svg and for markers that
    do not fit the paper, RuntimeError where nothing can be written.
    """
    from campaign.rack_sight import board_of
    from vision.marker_sheet import MARKER_MM, MARKERS, lens_page, rack_page, strip_board
    from vision.rack_markers import ChessBoard
    from vision.sheet_files import save_sheet

    told = rig is not None and rig.markers is not None
    board = board_of(rig) if rig is not None and told else strip_board(MARKERS, MARKER_MM)
    try:
        written = save_sheet([rack_page(board), lens_page(ChessBoard())], path)
    except OSError as error:
        raise RuntimeError(f"{path} cannot be written: {error.strerror}. Choose another folder.") from error
    names = ", ".join(str(name) for name in written)
    then = "" if told else " Tell the rig file of them: “aliquot markers” prints its [markers] part."
    return f"Saved: {names}. Print it at 100\u202f%, glue the strip to the rack's front.{then}"
