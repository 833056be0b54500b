"""The figures that the README states of whole campaigns, through the command line's own function.

.venv/bin/python -m tests.benchmarks.campaigns colour --seeds 10
.venv/bin/python -m tests.benchmarks.campaigns course --seeds 10
.venv/bin/python -m tests.benchmarks.campaigns replay --seeds 6
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import aliquot
from aliquot import CampaignSpec, Result

P3HT = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "p3ht.csv"
Kind = Literal["gp", "random"]


@dataclass(frozen=True)
class Line:
    """One campaign: best value after each experiment, and the point it came to."""

    seed: int
    best: tuple[float, ...]
    result: Result


def with_strategy(spec: CampaignSpec, kind: Kind) -> CampaignSpec:
    return replace(spec, strategy=replace(spec.strategy, kind=kind))


def best_curve(result: Result) -> tuple[float, ...]:
    minimise = result.state.spec.objective.direction == "minimise"
    best, curve = None, []
    for experiment in result.experiments:
        value = experiment.value
        if value is not None:
            best = value if best is None else (min(best, value) if minimise else max(best, value))
        if best is not None:
            curve.append(best)
    return tuple(curve)


def carry_out(spec: CampaignSpec, seeds: Sequence[int], budget: int, **where: object) -> list[Line]:
    lines = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            result = aliquot.run(spec, seed=seed, budget=budget, out=Path(folder) / "out", **where)  # type: ignore[arg-type]
        lines.append(Line(seed, best_curve(result), result))
    return lines


def colour(seeds: Sequence[int], speed: float = 200.0) -> dict[str, list[Line]]:
    """Best ΔE00 within 25 experiments on the virtual bench, with the optimiser and with random search."""
    spec = aliquot.load_campaign("colour")
    return {kind: carry_out(with_strategy(spec, kind), seeds, 25, speed=speed) for kind in ("gp", "random")}


def course(seeds: Sequence[int]) -> list[Line]:
    """Two dials, 30 experiments."""
    return carry_out(aliquot.load_campaign("course"), seeds, 30)


def replay(seeds: Sequence[int], table: Path = P3HT) -> list[float]:
    """Fraction of the nine best blends found within 50 experiments."""
    lines = carry_out(aliquot.load_campaign("replay_p3ht"), seeds, 50, replay=table)
    values = sorted((float(row.split(",")[-1]) for row in table.read_text().splitlines()[1:]), reverse=True)
    return [sum((e.value or 0.0) >= values[8] - 1e-9 for e in line.result.experiments) / 9 for line in lines]


def table(lines: Sequence[Line], at: Sequence[int]) -> str:
    cells = [f"{statistics.median(line.best[n - 1] for line in lines):.3f}" for n in at]
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("colour", "course", "replay"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--speed", type=float, default=200.0)
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    match arguments.what:
        case "colour":
            at = (5, 10, 15, 20, 25)
            print("median best ΔE00 after", at)
            for kind, lines in colour(seeds, arguments.speed).items():
                print(f"{kind:8s} {table(lines, at)}   at the end: {sorted(round(x.best[-1], 2) for x in lines)}")
        case "course":
            lines = course(seeds)
            print("median best after 10, 20, 30:", table(lines, (10, 20, 30)))
            for line in lines:
                print(line.seed, f"{line.best[19]:.4f} {line.best[-1]:.4f}", dict(line.result.best_point or {}))
        case _:
            found = replay(seeds)
            print(
                "fraction of the best nine found at 50:",
                [round(f, 2) for f in found],
                f"{statistics.mean(found):.3f}",
            )


if __name__ == "__main__":
    main()
