"""Ctrl+C, a logout, a closed terminal: the pumps stand still before the program ends. And going on afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import aliquot
import resources
from campaign.events import PhaseChanged, StepFailed, StepIntended
from campaign.journal import Journal, JournalError
from campaign.steps import Dose
from hardware.rig_file import load_rig, rig_to_toml

HOUSE = Path(__file__).resolve().parent.parent
DIRECT = [sys.executable, "-P", "-m", "aliquot"]
STARTED = [sys.executable, "-P", "-c", "import start, sys; sys.exit(start.stay_with(sys.argv[1:]))", *DIRECT]
PATIENCE_S = 60.0


def dosing(folder: Path) -> bool:
    """Whether the newest record is a dose that was intended and has no outcome."""
    try:
        with Journal.open(folder / "journal.sqlite", readonly=True) as journal:
            last = list(journal.events())[-1]
    except JournalError:  # not begun
        return False
    return isinstance(last, StepIntended) and isinstance(last.step, Dose)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("program", "name"), [(DIRECT, "SIGINT"), (DIRECT, "SIGHUP"), (STARTED, "SIGTERM")], ids=lambda v: str(v)[-8:]
)
def test_a_signal_in_the_middle_of_a_dose_stops_the_pumps_first(tmp_path, program, name):
    rig, truth, out = tmp_path / "twin.toml", tmp_path / "truth.jsonl", tmp_path / "out"
    here = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(HOUSE)}
    patient = tmp_path / "patient.toml"  # a lease that no busy machine outlasts: the signal is what stops it
    shipped = load_rig(resources.path("rigs/virtual.toml"))
    patient.write_text(rig_to_toml(replace(shipped, lease_s=10.0)), encoding="utf-8")
    words = ["bench", str(patient), "--write", str(rig), "--truth", str(truth), "--json"]
    with subprocess.Popen([*DIRECT, *words], cwd=tmp_path, env=here, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout.readline().startswith("{")
            words = ["run", "colour", "--rig", str(rig), "--out", str(out), "--budget", "1"]
            with subprocess.Popen(
                [*program, *words],
                cwd=tmp_path,
                env=here,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as child:
                deadline = time.monotonic() + PATIENCE_S
                while not dosing(out):
                    assert time.monotonic() < deadline
                    assert child.poll() is None
                    time.sleep(0.05)
                child.send_signal(getattr(signal, name))
                said = child.communicate(timeout=PATIENCE_S)[1]
            assert child.returncode == 130, said
            assert "Stop all by hand; go on with: aliquot run --resume" in said
            with Journal.open(out / "journal.sqlite", readonly=True) as journal:
                events = list(journal.events())
            (failed,) = [e for e in events if isinstance(e, StepFailed)]
            (asked_ul,) = [
                e.step.volume_ul for e in events if isinstance(e, StepIntended) and e.step.kind == "dose"
            ]
            assert failed.outcome == "stopped"
            assert [e.new for e in events if isinstance(e, PhaseChanged)][-1] == "Aborted"
            doses = [json.loads(line) for line in truth.read_text().splitlines()]
            assert sum(d["ul"] for d in doses) < asked_ul
        finally:
            served.kill()


def paused(folder: Path) -> None:
    """A campaign of the course that was left after two experiments."""

    def leave(event: object, state: aliquot.CampaignState) -> None:
        if state.made == 2 and len(state.experiments) == 3:
            raised.append(campaign.pause())

    from campaign import measure_executor, opening

    raised: list[None] = []
    spec = aliquot.load_campaign("course")
    with opening.begin(spec, measure_executor.FormulaExecutor(spec, 5), folder, seed=5) as campaign:
        campaign.listen(leave)
        campaign.start()
        assert campaign.wait(PATIENCE_S)


def test_going_on_takes_the_campaign_and_the_seed_from_the_journal(tmp_path, capsys):
    whole = aliquot.run("course", seed=5, budget=8, out=tmp_path / "whole")
    paused(tmp_path / "cut")
    assert aliquot.main(["run", "--resume", "--out", str(tmp_path / "cut"), "--budget", "8"]) == 0
    with Journal.open(tmp_path / "cut" / "journal.sqlite", readonly=True) as journal:
        points = [e.point for e in journal.events() if e.kind == "observed"]
    assert points == [e.point for e in whole.experiments]
    capsys.readouterr()
    for words, said in (
        (["--resume", "--out", str(tmp_path / "cut")], "has ended (complete)"),
        (["course", "--out", str(tmp_path / "cut")], "holds a campaign that has ended: take another folder"),
        (["--resume"], "--out DIR"),
        (["course", "--rig", "rig.toml", "--out", str(tmp_path / "other")], "leave the rig out"),
    ):
        assert aliquot.main(["run", *words]) == 2
        assert said in capsys.readouterr().err


def test_going_on_with_another_objective_is_refused(tmp_path, capsys):
    paused(tmp_path / "cut")
    other = tmp_path / "other.toml"
    other.write_text(Path(HOUSE / "resources/campaigns/course.toml").read_text().replace("r = 4.0", "r = 5.0"))
    assert aliquot.main(["run", str(other), "--resume", "--out", str(tmp_path / "cut")]) == 2
    assert "the objective cannot change on the way" in capsys.readouterr().err
