"""The words of the command line: subcommands, options, examples. What they do stands in `aliquot.py`."""

import argparse
from pathlib import Path
from typing import Any

Parser = argparse.ArgumentParser


def build_parser(version: str) -> Parser:
    parser = Parser(
        prog="aliquot",
        description="Run a self-driving experiment. Without a command the window opens on the virtual bench.",
        epilog="Example: aliquot run colour --speed 50   (on the virtual bench, without a window)",
    )
    parser.add_argument("--version", action="version", version=f"aliquot {version}")
    _window_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _run(commands)
    _ask(commands)
    _look(commands)
    _plate_commands(commands)
    _sight_commands(commands)
    _bench(commands)
    _rig_commands(commands)
    _journal_commands(commands)
    return parser


def _command(commands: Any, name: str, summary: str, example: str) -> Parser:
    made: Parser = commands.add_parser(name, help=summary, description=summary, epilog=f"Example: {example}")
    return made


def _window_options(parser: Parser) -> None:
    parser.add_argument(
        "--campaign", metavar="CAMPAIGN", help="open this campaign (file, or name of a shipped one)"
    )
    parser.add_argument("--rig", dest="window_rig", metavar="RIG.toml", type=Path, help="open on this rig")
    parser.add_argument(
        "--speed", dest="window_speed", metavar="X", type=_positive, help="clock of the virtual bench"
    )
    parser.add_argument("--theme", choices=("system", "light", "dark"), default="system")


def _run(commands: Any) -> None:
    run = _command(
        commands,
        "run",
        "Carry out a campaign without a window: a line per experiment, then the report.",
        "aliquot run colour --virtual --speed 50 --seed 1 --out results",
    )
    run.add_argument(
        "campaign",
        metavar="CAMPAIGN.toml",
        nargs="?",
        help="a campaign file, or the name of a shipped one; with --resume it may be left out, and with "
        "--replay: the table's last column is then maximised",
    )
    place = run.add_mutually_exclusive_group()
    place.add_argument("--rig", metavar="RIG.toml", type=Path, help="the real rig, or a bench served elsewhere")
    place.add_argument(
        "--virtual", action="store_true", help="the virtual bench (the default for a colour campaign)"
    )
    place.add_argument(
        "--replay", metavar="TABLE.csv", type=Path, help="measured experiments that stand for the bench"
    )
    run.add_argument("--minimise", action="store_true", help="a table without a campaign file: smaller is better")
    run.add_argument(
        "--seed", type=_seed, default=0, help="the same seed and data give the same suggestions (default 0)"
    )
    run.add_argument("--budget", type=_count, metavar="N", help="experiments at most (default: as the file says)")
    run.add_argument(
        "--speed", type=_positive, default=1.0, metavar="X", help="clock of the virtual bench (default 1)"
    )
    run.add_argument(
        "--strategy", choices=("gp", "random"), help="what picks the next point (default: as the file says)"
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="folder of journal, pictures and report")
    run.add_argument(
        "--fresh",
        action="store_true",
        help="every vial is clean and every syringe full, whatever the rig's books say",
    )
    run.add_argument("--resume", action="store_true", help="go on with the unfinished campaign in --out")
    run.add_argument(
        "--json", action="store_true", help="one JSON line per experiment and a last one with the result"
    )


def _ask(commands: Any) -> None:
    ask = _command(
        commands,
        "ask",
        "Suggest what to try next, given a table of measured experiments.",
        "aliquot ask mixture.toml measured.csv -n 3",
    )
    ask.add_argument("campaign", metavar="CAMPAIGN.toml")
    ask.add_argument(
        "data", metavar="DATA.csv", type=Path, nargs="?", help="columns named as parameters and objective"
    )
    ask.add_argument("-n", type=_count, default=1, metavar="N", help="how many suggestions (default 1)")
    ask.add_argument("--seed", type=_seed, default=0)
    ask.add_argument("--json", action="store_true")


def _look(commands: Any) -> None:
    look = _command(
        commands,
        "look",
        "Tell what the eye sees in pictures: state, level, colour, confidence, doubt.",
        "aliquot look vial.jpg --box 120 40 300 520 --draw seen.png",
    )
    look.add_argument("images", metavar="IMAGE", type=Path, nargs="*")
    look.add_argument("--box", nargs=4, type=float, metavar=("X0", "Y0", "X1", "Y1"), help="where the vial stands")
    look.add_argument("--slots", type=Path, metavar="SLOTS.csv", help="columns file, vessel, x0, y0, x1, y1")
    look.add_argument(
        "--rack", type=Path, metavar="RIG.toml", help="read every slot of this rig's rack, found by its markers"
    )
    look.add_argument("--lens", type=Path, metavar="LENS.toml", help="with --rack: what `aliquot lens` measured")
    look.add_argument("--at", metavar="SLOT", help="with --rack: tell the rig file's view, with this slot there")
    _chart_option(look)
    look.add_argument("--draw", type=Path, metavar="PNG", help="save the picture with what was seen drawn on it")
    look.add_argument(
        "--score",
        type=Path,
        metavar="JOURNAL",
        nargs="?",
        const=Path(),
        help="how right the eye is today on the pictures that you corrected: those of a campaign (its journal "
        "or folder), of a corrections.jsonl, or without a name all of yours",
    )
    look.add_argument("--json", action="store_true")


def _chart_option(parser: Parser) -> None:
    parser.add_argument(
        "--chart",
        type=Path,
        metavar="FILE",
        help="correct the colours: a picture of a 24-patch chart by the same camera and lamp, or what "
        "`aliquot chart` saved",
    )


def _plate_commands(commands: Any) -> None:
    plate = _command(
        commands,
        "plate",
        "Tell which wells of a plate or rack, seen from above, are filled, and their colours.",
        "aliquot plate plate.jpg --corners 53,31 561,42 557,368 46,364 --rows 8 --columns 12",
    )
    plate.add_argument("image", metavar="IMAGE", type=Path)
    place = plate.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--corners",
        nargs=4,
        type=_pair,
        metavar="X,Y",
        help="centres of the corner wells in pixels: the first (A1), the last of its row, then once round",
    )
    place.add_argument(
        "--markers", nargs=4, type=_seed, metavar="ID", help="ArUco markers (4x4) at these corners, in that order"
    )
    plate.add_argument(
        "--inset",
        type=_pair,
        metavar="X,Y",
        help="with --markers: how far the corner wells lie inside, in shares of the distance between the markers",
    )
    plate.add_argument("--rows", type=_count, default=8, metavar="N", help="default 8")
    plate.add_argument("--columns", type=_count, default=12, metavar="N", help="default 12")
    plate.add_argument(
        "--white", nargs=4, type=float, metavar=("X0", "Y0", "X1", "Y1"), help="a box on something white"
    )
    plate.add_argument(
        "--empty",
        type=Path,
        metavar="IMAGE",
        help="the plate while it was empty, from the same place: tells water from air",
    )
    _chart_option(plate)
    plate.add_argument("--draw", type=Path, metavar="PNG", help="save the picture with what was seen drawn on it")
    plate.add_argument("--json", action="store_true")
    chart = _command(
        commands,
        "chart",
        "Work out the colour correction that a picture of a 24-patch chart asks for.",
        "aliquot chart chart.jpg --out camera.json   (then: aliquot look vial.jpg --chart camera.json)",
    )
    chart.add_argument("image", metavar="IMAGE", type=Path)
    chart.add_argument(
        "--corners",
        nargs=4,
        type=_pair,
        metavar="X,Y",
        help="of the chart's field of patches in pixels, once round from the dark-skin patch (default: found)",
    )
    chart.add_argument(
        "--grey",
        nargs=4,
        type=float,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="a box on a white or grey patch instead of a chart: white balance and exposure alone",
    )
    chart.add_argument(
        "--reflectance",
        type=_positive,
        metavar="R",
        help="with --grey: how much light the patch reflects, 0.18 of a grey card (default 1, white)",
    )
    chart.add_argument("--out", type=Path, metavar="FILE.json", help="save the correction")
    chart.add_argument("--json", action="store_true")


def _sight_commands(commands: Any) -> None:
    markers = _command(
        commands,
        "markers",
        "Write a sheet to print: markers for the rack's front, and a board to measure the lens with.",
        "aliquot markers --out sheet.pdf --size-mm 15 --count 4",
    )
    markers.add_argument("--out", type=Path, metavar="FILE", required=True, help=".pdf, or .svg with a file a page")
    markers.add_argument("--rig", type=Path, metavar="RIG.toml", help="the markers that this rig file tells")
    markers.add_argument("--count", type=_count, metavar="N", help="markers in the strip (default 4)")
    markers.add_argument("--size-mm", type=_positive, metavar="MM", help="side of one (default 15)")
    markers.add_argument(
        "--pitch-mm", type=_positive, metavar="MM", help="from middle to middle (default: twice the size)"
    )
    markers.add_argument("--first", type=_seed, metavar="ID", help="id of the first (default 0)")
    markers.add_argument("--paper", choices=("A4", "Letter"), default="A4")
    markers.add_argument("--json", action="store_true")
    lens = _command(
        commands,
        "lens",
        "Measure the camera's lens from pictures of the printed board, in each corner, near and far, tilted.",
        "aliquot lens board*.png --out lens.toml",
    )
    lens.add_argument("images", metavar="IMAGE", type=Path, nargs="+")
    lens.add_argument("--out", type=Path, metavar="FILE", help="save it (default: print it)")
    lens.add_argument("--json", action="store_true")


def _bench(commands: Any) -> None:
    bench = _command(
        commands,
        "bench",
        "Serve the virtual twin of a rig on TCP, for any program that speaks to instruments.",
        "aliquot bench --write twin.toml   (then: aliquot run colour --rig twin.toml)",
    )
    bench.add_argument(
        "rig", metavar="RIG.toml", type=Path, nargs="?", help="default: the rig that ships with Aliquot"
    )
    bench.add_argument("--write", type=Path, metavar="FILE", help="write a rig file with the addresses served")
    bench.add_argument(
        "--truth", type=Path, metavar="FILE", help="log what really happened in the vials (JSON lines)"
    )
    bench.add_argument("--speed", type=_positive, default=1.0, metavar="X")
    bench.add_argument("--seed", type=_seed, default=0)
    bench.add_argument("--json", action="store_true")


def _rig_commands(commands: Any) -> None:
    find = _command(
        commands,
        "find",
        "Find pumps, stages, meters and cameras on this computer and propose a rig file.",
        "aliquot find --write rig.toml",
    )
    find.add_argument("--write", type=Path, metavar="FILE", help="write the proposed rig file")
    find.add_argument("--json", action="store_true")
    check = _command(
        commands,
        "check",
        "Check the devices of a rig: who they are, what they are set to, whether they stop. Asks before it moves.",
        "aliquot check rig.toml --out check.md",
    )
    check.add_argument("rig", metavar="RIG.toml", type=Path, nargs="?", help="default: the rig that ships")
    check.add_argument("--virtual", action="store_true", help="check the rig's virtual twin instead")
    check.add_argument("--yes", action="store_true", help="consent to small moves and doses without being asked")
    check.add_argument(
        "--speed", type=_positive, default=1.0, metavar="X", help="clock of a virtual bench (default 1)"
    )
    check.add_argument("--out", type=Path, metavar="FILE.md", help="save the table and the exchange log")
    stop = _command(
        commands,
        "stop",
        "Stop every rig of yours on this computer at once, even if its program hangs.",
        "aliquot stop",
    )
    stop.add_argument("--json", action="store_true")


def _journal_commands(commands: Any) -> None:
    for name, summary, output in (
        ("report", "Write the report of a campaign: one HTML file with plots and pictures.", "FILE.html"),
        ("export", "Write a campaign's experiments as CSV, or as JSON if the file ends so.", "FILE.csv"),
        ("verify", "Check that a journal is whole and unaltered.", None),
    ):
        command = _command(commands, name, summary, f"aliquot {name} results/journal.sqlite")
        command.add_argument(
            "journal", metavar="JOURNAL", type=Path, help="journal.sqlite, or the folder it lies in"
        )
        command.add_argument("--json", action="store_true")
        if output:
            command.add_argument("--out", type=Path, metavar=output)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None
    if not 0 < value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 10000")
    return value


def _pair(text: str) -> tuple[float, float]:
    try:
        x, y = (float(value) for value in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not x,y") from None
    return x, y


def _seed(text: str) -> int:
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _count(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text if len(text) < 40 else 'that'} is no whole number") from None
