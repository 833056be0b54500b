"""A campaign in a process of its own that kills itself (-9) at a chosen moment.

    python -m tests.campaign.kill_child FOLDER BUDGET MOMENT

Begins or picks up the campaign in FOLDER and writes each dose to FOLDER/truth.txt as it is given. Moments are
counted before and after every write of the journal and around every step; 0 means to the end. A line per step is
printed.
"""

import os
import signal
import sys
from pathlib import Path

from campaign.decide import Mind
from campaign.executor import Outcome
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.steps import Dose, Step
from tests.campaign.paper_bench import PATIENCE_S, PaperBench, spec

SLOTS = tuple(f"{row}{column}" for row in "ABCDEFGHIJ" for column in range(1, 11))


class Moments:
    def __init__(self, last: int) -> None:
        self.left = last

    def passes(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class RiskyJournal(Journal):
    moments: Moments

    def _write(self, rows):
        self.moments.passes()
        super()._write(rows)
        self.moments.passes()


class RiskyBench(PaperBench):
    def __init__(self, truth: Path, moments: Moments) -> None:
        super().__init__(slots=SLOTS)
        self._truth = os.open(truth, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._moments = moments

    def perform(self, step: Step) -> Outcome:
        self._moments.passes()
        print(step.kind, flush=True)
        if isinstance(step, Dose):
            os.write(self._truth, f"{step.slot} {step.stock} {step.volume_ul}\n".encode())
        self._moments.passes()
        return super().perform(step)


def main(folder: Path, budget: int, moment: int) -> int:
    Mind._posterior = lambda mind, history: None  # no surrogate is needed here, and loading it takes seconds
    moments = Moments(moment)
    RiskyJournal.moments = moments
    path = folder / "journal.sqlite"
    bench = RiskyBench(folder / "truth.txt", moments)
    if path.exists():
        campaign = Campaign.reopen(RiskyJournal.open(path), bench)
        if not campaign.state.finished:
            campaign.resume()
    else:
        campaign = Campaign(spec(budget=budget), bench, RiskyJournal.create(path), seed=3)
        campaign.start()
    ended = campaign.wait(PATIENCE_S)
    print(campaign.state.phase, flush=True)
    campaign.close()
    return 0 if ended and campaign.state.phase == "Complete" else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
