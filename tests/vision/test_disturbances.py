"""Foam, a funnel and a label are told; a quiet vial has none of them."""

from dataclasses import replace

import pytest

from hardware.virtual.optics.picture import render
from hardware.virtual.optics.specimen import Label, Lens, Phase, Setting, Specimen, Vessel
from hardware.virtual.optics.truth import truth_of
from tests.vision.rendered import view_of
from vision.reader import read_vial
from vision.reading import Doubt, VialReading

DYED = Specimen(Vessel(), phases=(Phase(20.0, {"blue dye": 0.03, "water": 0.97}),), seed=4)
SETTING = Setting(Lens(noise=0.8))
DISTURBED = Doubt.FOAM | Doubt.VORTEX | Doubt.LABEL


def seen(specimen: Specimen) -> VialReading:
    truth = truth_of(specimen, SETTING, (420.0, 150.0, 440.0, 380.0))
    return read_vial(render(specimen, SETTING), view_of(truth))


@pytest.mark.parametrize(
    ("specimen", "doubt"),
    [
        (DYED, Doubt.NONE),
        (replace(DYED, phases=(Phase(20.0),)), Doubt.NONE),
        (replace(DYED, phases=()), Doubt.NONE),
        (replace(DYED, foam_mm=3.0), Doubt.FOAM),
        (replace(DYED, vortex_mm=7.0), Doubt.VORTEX),
        (replace(DYED, label=Label(4.0, 24.0, turn_deg=60.0)), Doubt.LABEL),
    ],
)
def test_what_disturbs_is_told(specimen: Specimen, doubt: Doubt) -> None:
    assert seen(specimen).doubt & DISTURBED == doubt


def test_a_label_aside_of_the_middle_does_not_move_the_surface() -> None:
    plain, labelled = seen(DYED), seen(replace(DYED, label=Label(4.0, 24.0, turn_deg=60.0)))
    assert labelled.state == "liquid"
    assert labelled.surface_row == pytest.approx(plain.surface_row, abs=1.5)
