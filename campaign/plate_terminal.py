"""The commands about plates from above and colour charts."""

import argparse
from dataclasses import asdict

from campaign import narrate
from campaign.drawn import check_draw, save_drawn
from vision.chart import correction_from_chart, correction_from_grey, correction_of
from vision.correction import Correction
from vision.picture import load_image
from vision.plate import read_plate
from vision.plate_grid import corners_from_markers
from vision.plate_look import draw_plate, plate_lines, plate_to_json


def plate_command(arguments: argparse.Namespace) -> int:
    """`aliquot plate` and `aliquot chart`."""
    return _plate(arguments) if arguments.command == "plate" else _chart(arguments)


def _plate(arguments: argparse.Namespace) -> int:
    """A map and a line for each well, or one object."""
    check_draw(arguments.draw, 1)
    if arguments.inset and not arguments.markers:
        raise ValueError("--inset goes with --markers: with --corners the wells' own centres are given")
    image = load_image(arguments.image)
    corners = arguments.corners
    if corners is None:
        corners = corners_from_markers(image, arguments.markers, arguments.inset or (0.0, 0.0))
    reading = read_plate(
        image,
        corners,
        arguments.rows,
        arguments.columns,
        white_px=tuple(arguments.white) if arguments.white else None,
        empty=load_image(arguments.empty) if arguments.empty else None,
        correction=correction_of(arguments.chart) if arguments.chart else None,
    )
    if arguments.json:
        print(narrate.json_line(plate_to_json(reading)))
    else:
        print("\n".join(plate_lines(reading)))
    if arguments.draw:
        save_drawn(draw_plate(image, reading), arguments.image, arguments.draw)
    return 0


def _chart(arguments: argparse.Namespace) -> int:
    """How good the correction is, and where it lies."""
    if arguments.grey and arguments.corners:
        raise ValueError("--corners are of a chart and --grey is of one patch: give one of them")
    if arguments.reflectance and not arguments.grey:
        raise ValueError("--reflectance goes with --grey: what a chart reflects is known")
    image = load_image(arguments.image)
    if arguments.grey:
        made = correction_from_grey(image, tuple(arguments.grey), arguments.reflectance or 1.0)
    else:
        made = correction_from_chart(image, arguments.corners)
    if arguments.out:
        made.save(arguments.out)
    if arguments.json:
        print(narrate.json_line(asdict(made)))
        return 0
    if made.mean_de00 is None:
        print("White balance and exposure are put right; how true other colours are, one patch does not tell.")
    else:
        print(_how_true(made))
    if arguments.out:
        print(f"Written: {arguments.out}; use it with --chart {arguments.out} for this camera under this lamp.")
    return 0


def _how_true(made: Correction) -> str:
    left = f"; left out, clipped or covered: {', '.join(made.left_out)}" if made.left_out else ""
    how = f"ΔE00 {made.mean_de00:.1f} on average, {made.max_de00:.1f} at most"
    return f"Colours are put right to {how}, of patches that the correction did not know{left}."
