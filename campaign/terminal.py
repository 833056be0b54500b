"""What the command line prints. Each command is handed the function that does the work (see `aliquot.py`)."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaign import narrate
from campaign.attempt import number_in
from campaign.events import Asked, Event, Finished, Observed
from campaign.insight import insight_of
from campaign.opening import JOURNAL
from campaign.result import Result
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from campaign.words import say_options
from optimiser.suggestion import Suggestion

_DIGITS = tuple("0123456789+-.")

if TYPE_CHECKING:
    from vision.reading import VialReading


def run_command(arguments: argparse.Namespace, spec: CampaignSpec, folder: Path, run: Callable[..., Result]) -> int:
    """A line per experiment, then the report and where it lies."""
    from campaign.report import write_report

    journal = folder / JOURNAL

    told = False

    def tell(event: Event, state: CampaignState) -> None:
        nonlocal told
        if not told and not arguments.json:
            aim = f"{spec.objective.direction[:-1]}ing {spec.objective.name}"
            print(f"{spec.name}: {aim}; journal in {folder}", flush=True)
        told = True
        if arguments.json:
            if isinstance(event, Observed):
                print(narrate.json_line(narrate.experiment_record(state, event)), flush=True)
            elif isinstance(event, Finished):
                record = narrate.result_record(state, event, str(journal), insight_of(state))
                print(narrate.json_line(record), flush=True)
        elif line := narrate.in_words(state, event):
            print(line, flush=True)
            if isinstance(event, Finished) and (insight := insight_of(state)) is not None:
                print("\n".join(narrate.insight_lines(insight)), flush=True)

    try:
        run(spec, listen=tell, person=ask_person)
    except KeyboardInterrupt as error:
        how = f"; go on with: {again(arguments, folder)}" if journal.exists() else ""
        raise KeyboardInterrupt(f"{str(error) or 'Stopped by hand'}{how}") from None
    report = write_report(journal, folder / "report.html")
    print(f"Report: {report}", file=sys.stderr if arguments.json else sys.stdout)
    return 0


def again(arguments: argparse.Namespace, folder: Path) -> str:
    """The command that picks the campaign up again."""
    named = {name: getattr(arguments, name, None) for name in ("rig", "replay", "speed")}
    on = "".join(f" --{name} {value}" for name, value in named.items() if value and value != 1.0)
    return f"aliquot run --resume --out {folder}{on}"


def ask_person(asked: Asked) -> str | None:
    """The answer typed at the terminal; None where nobody can type."""
    if not sys.stdin.isatty():
        return None
    while True:
        print(f"     {asked.question} [{say_options(asked)}] > ", end="", file=sys.stderr, flush=True)
        if not (typed := sys.stdin.readline()):  # the end of the file: whoever typed is gone
            return None
        typed = typed.strip()
        if asked.number_unit is not None and typed[:1] in _DIGITS:
            try:
                number_in(typed, asked)
            except ValueError as error:
                print(f"     {error}", file=sys.stderr)
                continue
            return typed
        typed = typed.lower()
        matches = [choice for choice in asked.choices if typed and choice.lower().startswith(typed)]
        if len(matches) == 1:
            return matches[0]
        print(f"     {typed!r} is none of them: {say_options(asked)}", file=sys.stderr)


def ask_command(arguments: argparse.Namespace, suggestions: Sequence[Suggestion], spec: CampaignSpec) -> int:
    unit = spec.objective.unit
    units = {p.name: p.unit for p in spec.space.parameters}
    for suggestion in suggestions:
        if arguments.json:
            record = {
                "point": dict(suggestion.point),
                "mean": suggestion.mean,
                "sd": suggestion.sd,
                "acquisition": suggestion.acquisition,
                "reason": suggestion.reason,
                "strategy": suggestion.strategy,
            }
            print(narrate.json_line(record))
        else:
            point = narrate.point_words(suggestion.point, units)
            expected = (
                f"expect {narrate.number(suggestion.mean)} ± {narrate.number(suggestion.sd, 2)} {unit}".rstrip()
            )
            worth = (
                f"  |  acquisition {narrate.number(suggestion.acquisition)}" if suggestion.mean is not None else ""
            )
            print(f"{point}  |  {expected if suggestion.mean is not None else 'no prediction'}{worth}")
            print(f"    {suggestion.reason}")
    if len(suggestions) < arguments.n:
        print(f"Only {len(suggestions)} of {arguments.n}: no other point is left to try.", file=sys.stderr)
    return 0


def look_command(arguments: argparse.Namespace) -> int:
    """A line per vessel, or with --json one object: readings by file name. Raises ValueError without a picture."""
    from campaign.drawn import check_draw, save_drawn

    if arguments.score is not None:
        return score_command(arguments)
    if not arguments.images:
        raise ValueError("which picture? Name one, or --score for the pictures that you corrected")
    check_draw(arguments.draw, len(arguments.images))
    _check_look(arguments)
    if arguments.rack:
        from campaign.sight_terminal import look_rack_command

        return look_rack_command(arguments)
    from vision.chart import correction_of
    from vision.look import load_slots, look_image, look_slots, reading_to_json
    from vision.overlay import draw
    from vision.picture import load_image

    correction = correction_of(arguments.chart) if arguments.chart else None
    if arguments.slots:
        print(narrate.json_line(look_slots(arguments.images, load_slots(arguments.slots), correction)))
        return 0
    boxes = [tuple(arguments.box)] if arguments.box else None
    found = {path: look_image(path, boxes, correction) for path in arguments.images}
    if arguments.json:
        by_name = {path.name: [reading_to_json(r, n) for n, r in enumerate(rs)] for path, rs in found.items()}
        print(narrate.json_line(by_name))
    for path, readings in found.items():
        if not arguments.json:
            print(f"{path}: {'' if readings else 'no vessel found; say where it stands with --box'}")
            for reading in readings:
                print(f"    {reading_in_words(reading)}")
        if arguments.draw:
            save_drawn(draw(load_image(path), readings), path, arguments.draw)
    return 0


def _check_look(arguments: argparse.Namespace) -> None:
    """Raises ValueError for options that would be passed over, and for two pictures of one name."""
    ways = [f"--{name}" for name in ("rack", "slots", "box") if getattr(arguments, name)]
    if len(ways) > 1:
        raise ValueError(f"{' and '.join(ways)} each say where the vials stand: give one of them")
    for name in ("lens", "at"):
        if getattr(arguments, name) and not arguments.rack:
            raise ValueError(f"--{name} goes with --rack RIG.toml, the rig whose rack is in the picture")
    if arguments.slots and arguments.draw:
        raise ValueError("--slots prints JSON and draws nothing: leave --draw out")
    names = [path.name for path in arguments.images]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two pictures are named {twice}: look at them one after the other")


def score_command(arguments: argparse.Namespace) -> int:
    """How right the eye is on corrected pictures. 1 when some of it is damaged, which is told."""
    from campaign import corrected_frames
    from vision.score import in_words

    everything = arguments.score == Path()
    rated = corrected_frames.rate(
        corrected_frames.everything() if everything else corrected_frames.places(arguments.score)
    )
    parts = {"camera": rated.camera, "virtual bench": rated.bench}
    if arguments.json:
        record = {
            name.replace(" ", "_"): {
                "pictures": len(part.readings),
                **part.score.to_json(),
                "readings": part.readings,
            }
            for name, part in parts.items()
        }
        print(narrate.json_line({**record, "damage": rated.damage}))
    elif not any(part.readings for part in parts.values()):
        print("No corrected pictures yet: press Correct on the camera's picture where the eye is wrong.")
    for name, part in parts.items():
        if part.readings and not arguments.json:
            n = len(part.readings)
            print(f"The eye of today on {n} corrected {'picture' if n == 1 else 'pictures'}, of the {name}:")
            print(in_words(part.score))
    for sentence in rated.damage:
        print(f"aliquot: {sentence}", file=sys.stderr)
    return 1 if rated.damage else 0


def reading_in_words(reading: "VialReading") -> str:
    x0, y0, x1, y1 = reading.box_px
    words = [f"box {x0:.0f} {y0:.0f} {x1:.0f} {y1:.0f}", f"{reading.state} ({reading.confidence:.0%} sure)"]
    if reading.surface_row is not None:
        words.append(f"surface at row {reading.surface_row:.1f}")
    if reading.level_mm is not None:
        words.append(f"level {reading.level_mm:.1f} mm")
    if reading.lab is not None:
        words.append("Lab " + " ".join(f"{v:.1f}" for v in reading.lab))
    if reading.doubt:
        words.append("doubt: " + ", ".join(str(d.name).lower().replace("_", " ") for d in reading.doubt))
    return " | ".join(words)


def bench_command(arguments: argparse.Namespace, addresses: dict[str, str], rig_toml: str) -> int:
    """Tell the addresses; the caller keeps the bench open."""
    if arguments.write:
        arguments.write.write_text(rig_toml, encoding="utf-8")
    if arguments.json:
        print(json.dumps(addresses), flush=True)
        return 0
    width = max(map(len, addresses))
    for role, address in addresses.items():
        print(f"{role:<{width}}  {address}")
    if arguments.write:
        print(f"Rig file: {arguments.write}   (aliquot run colour --rig {arguments.write})")
    print("Serving until Ctrl+C.", flush=True)
    return 0


def journal_path(given: Path) -> Path:
    """The journal itself, or the one that lies in the folder. Raises FileNotFoundError."""
    path = given / JOURNAL if given.is_dir() else given
    if not path.exists():
        raise FileNotFoundError(f"there is no journal at {path}")
    return path


def journal_command(arguments: argparse.Namespace) -> int:
    from campaign.export import export_csv, export_json
    from campaign.journal import Journal
    from campaign.report import write_report

    path = journal_path(arguments.journal)
    record: dict[str, Any] = {"journal": str(path)}
    match arguments.command:
        case "report":
            record["report"] = str(write_report(path, arguments.out or path.parent / "report.html"))
        case "export":
            out = arguments.out or path.parent / "experiments.csv"
            export = export_json if out.suffix == ".json" else export_csv
            record["export"] = str(export(path, out))
        case _:
            journal = Journal.open(path, readonly=True)
            try:
                record["problem"] = journal.verify()
            finally:
                journal.close()
            record["whole"] = record["problem"] is None
    if arguments.json:
        print(narrate.json_line(record))
    else:
        said = record.get("report") or record.get("export") or record.get("problem") or "the journal is whole"
        print(said)
    return 1 if record.get("problem") else 0
