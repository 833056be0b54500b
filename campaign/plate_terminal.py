"""The commands about plates from above and colour charts."""

import argparse
from dataclasses import asdict
from pathlib import Path

import cv2

from campaign import narrate
from vision.chart import correction_from_chart
from vision.picture import load_image
from vision.plate import PlateReading
from vision.plate_grid import corners_from_markers
from vision.plate_look import draw_plate, look_plate, plate_lines, plate_to_json


def plate_command(arguments: argparse.Namespace) -> int:
    """`aliquot plate` and `aliquot chart`."""
    return _plate(arguments) if arguments.command == "plate" else _chart(arguments)


def _plate(arguments: argparse.Namespace) -> int:
    """A map and a line for each well, or one object."""
    corners = arguments.corners
    if corners is None:
        corners = corners_from_markers(load_image(arguments.image), arguments.markers, arguments.inset)
    reading = look_plate(
        arguments.image,
        corners,
        arguments.rows,
        arguments.columns,
        white_px=tuple(arguments.white) if arguments.white else None,
        empty=arguments.empty,
        chart=arguments.chart,
    )
    if arguments.json:
        print(narrate.json_line(plate_to_json(reading)))
    else:
        print("\n".join(plate_lines(reading)))
    if arguments.draw:
        _save_drawn(arguments.image, reading, arguments.draw)
    return 0


def _save_drawn(path: Path, reading: PlateReading, out: Path) -> None:
    target = out if out.suffix else out / f"{path.stem}-seen.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(target), draw_plate(load_image(path), reading)):
        raise OSError(f"could not write {target}")


def _chart(arguments: argparse.Namespace) -> int:
    """How good the correction is, and where it lies."""
    made = correction_from_chart(load_image(arguments.image), arguments.corners)
    if arguments.out:
        made.save(arguments.out)
    if arguments.json:
        print(narrate.json_line(asdict(made)))
        return 0
    left = f"; left out, clipped or covered: {', '.join(made.left_out)}" if made.left_out else ""
    print(f"Colours are put right to ΔE00 {made.mean_de00:.1f} on average, {made.max_de00:.1f} at most, of patches")
    print(f"that the correction did not know{left}.")
    if arguments.out:
        print(f"Written: {arguments.out}; use it with --chart {arguments.out} for this camera under this lamp.")
    return 0
