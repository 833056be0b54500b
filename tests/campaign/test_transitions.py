"""The phases and the ways between them: these and no others."""

from itertools import product
from typing import get_args

import pytest

from campaign.errors import TransitionError
from campaign.events import Phase
from campaign.transitions import TABLE, Command, after, allowed

PHASES, COMMANDS = get_args(Phase), get_args(Command)
WAYS = {
    "Idle": {"Running", "Stopping", "Aborting", "Held"},
    "Running": {"Holding", "Stopping", "Completing", "Aborting", "Held"},
    "Holding": {"Held", "Stopping", "Aborting"},
    "Held": {"Restarting", "Stopping", "Aborting"},
    "Restarting": {"Running", "Aborting", "Held"},
    "Stopping": {"Stopped", "Aborting", "Held"},
    "Aborting": {"Aborted", "Held"},
    "Aborted": {"Held", "Stopping"},
    "Completing": {"Complete", "Aborting", "Held"},
    "Complete": set(),
    "Stopped": set(),
}


def test_no_other_transition_exists():
    ways = {phase: {new for (old, _), new in TABLE.items() if old == phase} for phase in PHASES}
    assert ways == WAYS


@pytest.mark.parametrize(("phase", "command"), sorted(set(product(PHASES, COMMANDS)) - set(TABLE)))
def test_what_is_not_in_the_table_is_refused_in_words(phase, command):
    assert not allowed(phase, command)
    with pytest.raises(TransitionError, match=f"the campaign is {phase.lower()}: "):
        after(phase, command)


def test_every_phase_is_reached_from_idle():
    reached, new = set(), {"Idle"}
    while new:
        reached |= new
        new = {TABLE[phase, command] for phase, command in TABLE if phase in reached} - reached
    assert reached == set(PHASES)


@pytest.mark.parametrize("phase", sorted(set(PHASES) - {"Aborting", "Aborted", "Complete", "Stopped"}))
def test_stop_all_is_open_from_every_phase_in_which_something_may_move(phase):
    assert after(phase, "stop_all") == "Aborting"


@pytest.mark.parametrize("phase", sorted(set(PHASES) - {"Held", "Complete", "Stopped"}))
def test_a_program_that_ended_comes_back_in_held_whatever_it_was_doing(phase):
    assert after(phase, "reopen") == "Held"


def test_nothing_runs_again_but_by_start_or_resume():
    into_running = {(phase, command) for (phase, command), new in TABLE.items() if new == "Running"}
    assert into_running == {("Idle", "start"), ("Restarting", "done")}
    assert [key for key, new in TABLE.items() if new == "Restarting"] == [("Held", "resume")]
