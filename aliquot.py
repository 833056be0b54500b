"""The front door of Aliquot: the command line, and the names that a script imports.

    import aliquot
    x, y = aliquot.Continuous("x", 0, 5), aliquot.Continuous("y", 0, 5)
    result = aliquot.minimise(lambda x, y: (x - 1) ** 2 + (y - 2) ** 2, [x, y], budget=20)

Nothing heavy is imported before it is needed, and Qt only when a window is asked for.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from campaign.choices import MAKE_READY
from campaign.events import Asked, Resumed
from campaign.logs import start_log
from campaign.result import HeldError, Listener, Person, Result, to_the_end
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.state import CampaignState, Experiment
from optimiser.history import Direction, History, Observation
from optimiser.space import Categorical, Continuous, Mixture, Parameter, SearchSpace, SpaceError, Stepped
from optimiser.suggestion import Suggestion

if TYPE_CHECKING:
    from campaign.measured import Measured
    from hardware.virtual.bench import VirtualBench
    from vision.reading import VialReading

__all__ = [
    "CampaignSpec", "CampaignState", "Categorical", "Continuous", "Experiment", "HeldError", "History", "Mixture",
    "ObjectiveSpec", "Observation", "Result", "SearchSpace", "SpaceError", "Stepped", "StopSpec", "StrategySpec",
    "Suggestion", "ask", "bench", "load_campaign", "look", "main", "maximise", "minimise", "run",
]  # fmt: skip
__version__ = "0.1.0"
DEMONSTRATION_SPEED = 50.0


def load_campaign(campaign: str | Path) -> CampaignSpec:
    """A campaign file, or one that ships with Aliquot by its name ("colour", "course")."""
    from campaign.config import load_campaign as load
    from hardware.toml_file import did_you_mean
    from resources import shipped_campaigns

    shipped = shipped_campaigns()
    name = str(campaign)
    if name in shipped:
        return load(shipped[name])
    if not Path(campaign).exists():
        hint = did_you_mean(name, tuple(shipped)) or f"; campaigns that come with Aliquot: {', '.join(shipped)}"
        raise FileNotFoundError(f"there is no campaign file {name}{hint}")
    return load(Path(campaign))


def bench(
    rig: str | Path | None = None, *, speed: float = 1.0, seed: int = 0, truth_log: Path | None = None
) -> "VirtualBench":
    """The virtual twin of a rig file (or of the shipped rig), serving its instruments; a context manager."""
    from hardware.rig_file import load_rig
    from hardware.virtual.bench import VirtualBench
    from resources import path

    described = load_rig(Path(rig) if rig else path("rigs/virtual.toml"))
    return VirtualBench(described, speed=speed, seed=seed, truth_log=truth_log)


def run(
    campaign: str | Path | CampaignSpec,
    *,
    rig: str | Path | None = None,
    replay: str | Path | None = None,
    measure: "Callable[..., Measured] | None" = None,
    seed: int = 0,
    budget: int | None = None,
    speed: float = 1.0,
    out: str | Path | None = None,
    resume: bool = False,
    fresh: bool = False,
    listen: Listener | None = None,
    person: Person | None = None,
) -> Result:
    """Carry out a campaign to its end and return what it came to.

    campaign: a file, the name of a shipped one, or a CampaignSpec. rig: a rig file; without it a colour campaign
    takes the virtual bench. replay: a table of measured experiments that stands for the bench. measure: a function
    of the parameters, by name, for an objective of kind "function": a number, (number, standard deviation) or None;
    with a rig it is called when the vial is made. speed: factor of the virtual bench's clock.
    fresh: every vial is clean and every syringe full, whatever the rig's books say of earlier campaigns.
    out: folder of the journal. resume: pick up the unfinished campaign in `out`; its own seed stays, and settings
    of `campaign` that differ (strategy, stop rules) are in force from then on. person: answers what the campaign
    asks; without it, or when it returns None, a question raises HeldError and the campaign can be resumed.

    Raises CampaignFileError, RigFileError, RefusedError, RigOpenError, JournalError, HeldError.
    """
    from campaign import opening
    from campaign.suitable import executor_for

    spec = _specification(campaign, replay, budget)
    folder = Path(out) if out else opening.new_folder(spec.name)
    if resume:
        seed = opening.begun(folder).seed
    elif (folder / opening.JOURNAL).exists():
        ended = opening.unfinished(folder) is None
        which = "a campaign that has ended: " if ended else "an unfinished campaign: go on with it (--resume) or "
        raise FileExistsError(f"{folder} holds {which}take another folder")

    def agreed(role: str, why: str) -> bool:
        """On the virtual bench nobody need be asked."""
        question = f"{role} is not ready: {why} May it do so now?"
        choices = (MAKE_READY, "no")
        return (rig is None) or (person is not None and person(Asked(0, question, choices)) == MAKE_READY)

    opened = executor_for(spec, rig, replay, measure, speed, seed, bench, agreed, fresh)
    with opened as (executor, rig_toml, virtual):
        if resume:
            made = opening.pick_up(folder, executor)
        else:
            made = opening.begin(spec, executor, folder, seed=seed, rig_toml=rig_toml, simulated=executor.simulated)
        with closing(made):
            if not opening.same_campaign(spec, made.state.spec):
                made.change(spec, "resumed with other settings")
            if resume and listen:
                listen(Resumed(made.state.in_doubt), made.state)
            answer = _attended(person, virtual)
            return to_the_end(made, folder / opening.JOURNAL, resumed=resume, listen=listen, person=answer)


def _specification(
    campaign: str | Path | CampaignSpec | None,
    replay: str | Path | None,
    budget: int | None,
    direction: Direction = "maximise",
) -> CampaignSpec:
    from campaign.replay import campaign_from_table, with_candidates
    from campaign.table import read_table

    if campaign is None:
        if replay is None:
            raise ValueError("which campaign? Name a campaign file, or a table with --replay TABLE.csv")
        spec = campaign_from_table(replay, direction=direction)
    else:
        spec = campaign if isinstance(campaign, CampaignSpec) else load_campaign(campaign)
        spec = spec if replay is None else with_candidates(spec, read_table(replay))
    if budget is None:
        return spec
    initial = min(spec.strategy.initial, budget)
    return replace(spec, stop=replace(spec.stop, budget=budget), strategy=replace(spec.strategy, initial=initial))


def _attended(person: Person | None, virtual: object) -> Person:
    """On the virtual bench racks are swapped and syringes filled without asking; all else is for the person."""
    from campaign.choices import FRESH_RACK, REFILLED

    def answer(asked: Asked) -> str | None:
        for choice in (FRESH_RACK, REFILLED):
            if virtual is not None and choice in asked.choices:
                return choice
        return person(asked) if person else None

    return answer


def _search(
    measure: Callable[..., float],
    parameters: Sequence[Parameter],
    direction: Direction,
    budget: int,
    seed: int,
    name: str,
    strategy: StrategySpec,
    out: str | Path | None,
) -> Result:
    objective = ObjectiveSpec("function", "value", direction)
    spec = CampaignSpec(name, SearchSpace(tuple(parameters)), objective, strategy)
    return run(spec, measure=measure, budget=budget, seed=seed, out=out)


def minimise(
    measure: Callable[..., float],
    parameters: Sequence[Parameter],
    *,
    budget: int = 25,
    seed: int = 0,
    name: str = "script",
    strategy: StrategySpec = StrategySpec(),
    out: str | Path | None = None,
) -> Result:
    """Find where `measure(**point)` is smallest within `budget` experiments; every one of them is journaled."""
    return _search(measure, parameters, "minimise", budget, seed, name, strategy, out)


def maximise(
    measure: Callable[..., float],
    parameters: Sequence[Parameter],
    *,
    budget: int = 25,
    seed: int = 0,
    name: str = "script",
    strategy: StrategySpec = StrategySpec(),
    out: str | Path | None = None,
) -> Result:
    """Find where `measure(**point)` is largest within `budget` experiments; every one of them is journaled."""
    return _search(measure, parameters, "maximise", budget, seed, name, strategy, out)


def ask(
    campaign: str | Path | CampaignSpec, data: str | Path | Sequence[Observation] = (), n: int = 1, seed: int = 0
) -> tuple[Suggestion, ...]:
    """What to try next, given a table of measured experiments (CSV) or observations."""
    from campaign.decide import build_strategy
    from campaign.table import load_data

    spec = _specification(campaign, None, None)
    seen = load_data(Path(data), spec) if isinstance(data, str | Path) else data
    history = History(spec.space, spec.objective.direction, seed, tuple(seen))
    return build_strategy(spec.strategy, spec.objective.unit).ask(history, n)


def look(
    image: str | Path, boxes: Sequence[tuple[float, float, float, float]] | None = None
) -> "list[VialReading]":
    """What the eye sees in a picture: one reading per box (x0, y0, x1, y1), or per vessel that it finds."""
    from vision.look import look_image

    return look_image(Path(image), boxes)


def main(words: Sequence[str] | None = None) -> int:
    """The command line. Returns 0 done, 1 our fault, 2 something to put right, 3 held, 130 stopped by hand."""
    from campaign.command_line import build_parser
    from campaign.terminal import again

    arguments = build_parser(__version__).parse_args(words)
    log = start_log()
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):  # a logout or a closed terminal stops the devices as Ctrl+C does
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        return _dispatch(arguments)
    except HeldError as error:
        how = again(arguments, error.journal.parent)
        print(f"{error}\nNothing is lost: go on with: {how}", file=sys.stderr)
        return 3
    except KeyboardInterrupt as error:
        print(f"{str(error) or 'Stopped by hand'}.", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        logging.getLogger("aliquot").info("refused", exc_info=error)
        told = f"{error.filename}: {error.strerror}" if _of_a_file(error) else error
        print(f"aliquot: {told}", file=sys.stderr)
        return 2
    except Exception:
        logging.getLogger("aliquot").exception("unexpected")
        print(f"aliquot: something went wrong that should not have. Please send us {log}", file=sys.stderr)
        return 1


def _of_a_file(error: Exception) -> TypeGuard[OSError]:
    """Whether it is the system's, which begins with a number, and tells the file."""
    return isinstance(error, OSError) and error.filename is not None and error.strerror is not None


def _dispatch(arguments: argparse.Namespace) -> int:
    from campaign import terminal

    match arguments.command:
        case None:
            return _window(arguments)
        case "run":
            return _run_command(arguments)
        case "ask":
            spec = load_campaign(arguments.campaign)
            suggestions = ask(spec, arguments.data or (), arguments.n, arguments.seed)
            return terminal.ask_command(arguments, suggestions, spec)
        case "look":
            return terminal.look_command(arguments)
        case "plate" | "chart":
            from campaign import plate_terminal

            return plate_terminal.plate_command(arguments)
        case "markers" | "lens":
            from campaign import sight_terminal

            return sight_terminal.sight_command(arguments)
        case "bench":
            return _bench_command(arguments)
        case "stop" | "find" | "check":
            from campaign import rig_terminal

            return rig_terminal.rig_command(arguments, bench)
        case _:
            return terminal.journal_command(arguments)


def _run_command(arguments: argparse.Namespace) -> int:
    from campaign import opening, terminal

    campaign = arguments.campaign
    if arguments.resume:
        if arguments.out is None:
            raise ValueError("--resume needs the folder of the campaign: --out DIR")
        campaign = campaign or opening.begun(arguments.out).spec
    if arguments.minimise and campaign is not None:
        raise ValueError("--minimise is for a table without a campaign file; the file says objective.direction")
    direction: Direction = "minimise" if arguments.minimise else "maximise"
    spec = _specification(campaign, arguments.replay, arguments.budget, direction)
    if arguments.strategy:
        spec = replace(spec, strategy=replace(spec.strategy, kind=arguments.strategy))
    folder = arguments.out or opening.new_folder(spec.name)

    def start(given: CampaignSpec, listen: Listener, person: Person) -> Result:
        return run(
            given,
            rig=arguments.rig,
            replay=arguments.replay,
            seed=arguments.seed,
            speed=arguments.speed,
            out=folder,
            resume=arguments.resume,
            fresh=arguments.fresh,
            listen=listen,
            person=person,
        )

    return terminal.run_command(arguments, spec, folder, start)


def _bench_command(arguments: argparse.Namespace) -> int:
    from campaign.terminal import bench_command
    from hardware.rig_file import rig_to_toml

    with bench(arguments.rig, speed=arguments.speed, seed=arguments.seed, truth_log=arguments.truth) as served:
        addresses = {role: pump.port for role, pump in served.rig.pumps.items()} | {"stage": served.rig.stage.port}
        addresses |= {role: meter.port for role, meter in served.rig.meters.items() if meter.port != "person"}
        if served.rig.camera:
            addresses["camera"] = served.rig.camera.source
        bench_command(arguments, addresses, rig_to_toml(served.rig))
        threading.Event().wait()
    return 0


def _window(arguments: argparse.Namespace) -> int:
    from gui import system

    reason = system.display()
    lacking = None if reason else system.missing_libraries(system.platform())
    if lacking:
        print(f"aliquot: {lacking}", file=sys.stderr)
        return 2
    if reason is None:
        from gui.app import main as window

        return window(arguments.campaign, arguments.window_rig, arguments.window_speed, arguments.theme)
    print(f"No window: {reason}. The same campaign follows without one, on the virtual bench.", flush=True)
    from campaign.command_line import build_parser

    words = ["run", arguments.campaign or "colour", "--speed", str(arguments.window_speed or DEMONSTRATION_SPEED)]
    if arguments.window_rig:
        words += ["--rig", str(arguments.window_rig), "--speed", "1"]
    return _run_command(build_parser(__version__).parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
