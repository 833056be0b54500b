"""Which executor suits a campaign: a rig, a table, a function, a formula. Opened, and closed again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from campaign.bench_executor import Attendant
from campaign.executor import Executor
from campaign.measured import Measured
from campaign.spec import CampaignSpec
from hardware.spec import RigSpec

IN_HERE_S = 10.0
"""Lease of a virtual bench in this process: when the program freezes, so do its pumps."""


class Bench(Protocol):
    """A virtual bench that serves instruments for a rig file."""

    @property
    def rig(self) -> RigSpec: ...
    @property
    def truth(self) -> Attendant: ...


Agreed = Callable[[str, str], bool]
"""agreed(role, why): whether a person lets this device make itself ready."""
MakeBench = Callable[..., AbstractContextManager[Bench]]
Made = tuple[Executor, str | None, Bench | None]


@contextmanager
def _on_a_rig(
    spec: CampaignSpec,
    rig: str | Path | None,
    measure: Callable[..., Measured] | None,
    speed: float,
    seed: int,
    make_bench: MakeBench,
    agreed: Agreed,
    fresh: bool,
) -> Iterator[Made]:
    from campaign.bench_executor import BenchExecutor
    from campaign.guard import campaign_mistakes
    from campaign.logs import exchange_folder
    from campaign.opening import RefusedError
    from hardware.host.hosted import open_hosted
    from hardware.readying import all_fresh, ready_all
    from hardware.rig_file import load_rig, rig_to_toml
    from resources import path as resource

    named = None
    if rig is None and spec.rig:
        try:
            named = resource(f"rigs/{Path(spec.rig).name}")
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}: leave `rig` out and name a rig file of your own with --rig"
            ) from error
    with make_bench(named, speed=speed, seed=seed) if rig is None else nullcontext() as virtual:
        described = virtual.rig if virtual else load_rig(Path(str(rig)))
        if mistakes := campaign_mistakes(spec, described, {}):
            raise RefusedError(mistakes)
        lease_s = IN_HERE_S if virtual else None
        with open_hosted(described, speed=speed, lease_s=lease_s, logs=exchange_folder()) as opened:
            if fresh:
                all_fresh(opened)
            if left := ready_all(opened, agreed):
                raise RefusedError(tuple(f"{role} is not ready: {why}" for role, why in left.items()))
            yield (
                BenchExecutor(
                    opened, spec, speed=speed, attendant=virtual.truth if virtual else None, function=measure
                ),
                rig_to_toml(described),
                virtual,
            )


@contextmanager
def executor_for(
    spec: CampaignSpec,
    rig: str | Path | None,
    replay: str | Path | None,
    measure: Callable[..., Measured] | None,
    speed: float,
    seed: int,
    make_bench: MakeBench,
    agreed: Agreed,
    fresh: bool,
) -> Iterator[Made]:
    """The executor that fits the campaign, the rig file's text, and the virtual bench if there is one."""
    from campaign import measure_executor

    kind = spec.objective.kind
    on_a_rig = spec.objective.needs_rig or (kind == "function" and rig is not None)
    if rig is not None and (not on_a_rig or replay is not None):
        typed = "; for a value that you type after the rig has dosed, give the rig a meter of kind by_person"
        hint = typed if kind == "typed" else ""
        raise ValueError(f"an objective of kind {kind} is not measured on a rig: leave the rig out{hint}")
    if measure is not None and kind != "function":
        raise ValueError(f"an objective of kind {kind} is not measured by a function: leave measure out")
    if measure is not None and rig is None:
        yield measure_executor.FunctionExecutor(measure), None, None
    elif replay is not None:
        yield measure_executor.ReplayExecutor.open(replay, spec, seed), None, None
    elif kind == "formula":
        yield measure_executor.FormulaExecutor(spec, seed), None, None
    elif on_a_rig:
        with _on_a_rig(spec, rig, measure, speed, seed, make_bench, agreed, fresh) as made:
            yield made
    elif kind == "typed":
        yield measure_executor.TypedExecutor(spec), None, None
    else:
        needs = "a table: add --replay TABLE.csv" if kind == "column" else "a function: start it from Python"
        raise ValueError(f"the objective is a {kind}, so this campaign needs {needs}")
