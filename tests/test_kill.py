"""Twenty times kill -9 at random moments of a campaign on the virtual bench: nothing lost, nothing dosed twice.

The bench runs in a process of its own and keeps a log of what really went into which vial.
"""

import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import resources
from campaign.events import AttemptStarted, Finished, Observed, Resumed, VialGivenUp
from campaign.journal import Journal
from campaign.opening import JOURNAL
from campaign.steps import Dose
from hardware.rig_file import load_rig, rig_to_toml

HOUSE = Path(__file__).resolve().parent.parent
KILLS = 20
BUDGET = 18


def aliquot(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "aliquot", *map(str, words)]
    return subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.timeout(600)
def test_no_kill_loses_an_experiment_or_doses_twice(tmp_path):
    rig, truth, out = tmp_path / "twin.toml", tmp_path / "truth.jsonl", tmp_path / "out"
    large = rig_with_many_vials(tmp_path / "large.toml")
    served = aliquot("bench", large, "--write", rig, "--truth", truth, "--speed", 40, "--json")
    try:
        assert served.stdout.readline().startswith("{"), served.stderr.read()
        chance = random.Random(20)
        for _ in range(KILLS):
            kill_at_random(rig, out, chance)
        finish(rig, out)
    finally:
        served.kill()
        served.communicate()

    journal = Journal.open(out / JOURNAL, readonly=True)
    events = list(journal.events())
    problem = journal.verify()
    journal.close()
    assert problem is None
    observed = [e.experiment for e in events if isinstance(e, Observed)]
    assert sorted(observed) == list(range(1, BUDGET + 1)), "each experiment was observed once"
    assert isinstance(events[-1], Finished) or any(isinstance(e, Finished) for e in events)
    assert sum(isinstance(e, Resumed) for e in events) >= KILLS / 2
    assert any(isinstance(e, VialGivenUp) for e in events), "some kill hit a vial in work"
    compare_with_truth(events, [json.loads(line) for line in truth.read_text().splitlines()])


def rig_with_many_vials(path: Path) -> Path:
    """The shipped rig with a rack large enough for every vial that a kill makes us give up, and with a lease that
    no busy machine outlasts."""
    shipped = load_rig(resources.path("rigs/virtual.toml"))
    rack = replace(shipped.rack, rows=6, columns=12)
    x_mm, y_mm = rack.position_mm(rack.slots[-1])
    travel_mm = (x_mm + 20, y_mm + 20, shipped.stage.travel_mm[2])
    stage = replace(shipped.stage, travel_mm=travel_mm)
    path.write_text(rig_to_toml(replace(shipped, rack=rack, stage=stage, lease_s=10.0)), encoding="utf-8")
    return path


def start(rig: Path, out: Path) -> subprocess.Popen[str]:
    again = ["--resume"] if (out / JOURNAL).exists() else []
    return aliquot(
        "run",
        "colour",
        "--rig",
        rig,
        "--out",
        out,
        "--budget",
        BUDGET,
        "--speed",
        40,
        "--seed",
        3,
        *again,
    )


def kill_at_random(rig: Path, out: Path, chance: random.Random) -> None:
    """Every fifth kill hits the start of the program, the others a campaign after some more of its events."""
    before = events_in(out / JOURNAL)
    child = start(rig, out)
    pause_s = chance.uniform(0.0, 0.2)
    if chance.random() < 0.2:
        pause_s = chance.uniform(0.3, 3.0)
    else:
        wanted = before + chance.randint(2, 18)
        while events_in(out / JOURNAL) < wanted and child.poll() is None:
            threading.Event().wait(0.02)
    timer = threading.Timer(pause_s, child.kill)
    timer.start()
    said, errors = child.communicate()
    timer.cancel()
    assert child.returncode < 0, f"the campaign ended before it was killed often enough: {said}{errors}"


def events_in(journal: Path) -> int:
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def finish(rig: Path, out: Path) -> None:
    child = start(rig, out)
    said, errors = child.communicate(timeout=300)
    assert child.returncode == 0, said + errors


def compare_with_truth(events: list[object], truth: list[dict[str, object]]) -> None:
    """No vial got a stock twice, and none got more of it than was planned for the vial."""
    planned: dict[tuple[str, str], float] = {}
    for event in events:
        if isinstance(event, AttemptStarted):
            for step in event.steps:
                if isinstance(step, Dose):
                    assert (step.slot, step.stock) not in planned, "no vial serves two attempts"
                    planned[step.slot, step.stock] = step.volume_ul
    given: dict[tuple[str, str], float] = defaultdict(float)
    times: Counter[tuple[str, str]] = Counter()
    for line in truth:
        assert line["what"] != "spill", line
        if line["what"] == "dose":
            key = (str(line["slot"]), str(line["role"]))
            given[key] += float(str(line["ul"]))
            times[key] += 1
    assert max(times.values()) == 1
    for key, volume in given.items():
        assert volume <= planned[key] * 1.03 + 2.0, key
