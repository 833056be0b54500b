"""Clarity and turbidity from a striped panel, whatever the dye and the exposure."""

from dataclasses import replace

import numpy as np
import pytest

from hardware.virtual.optics.picture import render
from hardware.virtual.optics.specimen import (
    Backdrop,
    Lens,
    Pattern,
    Phase,
    Setting,
    Specimen,
    Truth,
    Vessel,
)
from hardware.virtual.optics.truth import truth_of
from tests.vision.rendered import view_of
from vision.clarity import clarity
from vision.column import Column, take_column

WATER = Phase(18.0)
DYED = Phase(18.0, {"blue dye": 0.06, "water": 0.94})
STRIPED = Setting(Lens(noise=0.8), Backdrop(distance_mm=30.0, pattern=Pattern("upright", 2.0, 0.7, 15.0)))


def judged(
    phase: Phase, setting: Setting = STRIPED, blank: Phase | None = None
) -> tuple[float | None, float | None]:
    def column(liquid: Phase) -> tuple[Truth, Column]:
        specimen = Specimen(Vessel(), phases=(liquid,))
        truth = truth_of(specimen, setting, (420.0, 150.0, 440.0, 380.0))
        found = take_column(render(specimen, setting), view_of(truth))
        assert found is not None
        return truth, found

    truth, found = column(phase)
    assert truth.surface_row is not None
    surface, base = truth.surface_row - found.top, truth.base_row - found.top
    return clarity(
        found, None if blank is None else column(blank)[1], (surface - 90, surface - 12), (surface + 20, base - 20)
    )


def test_scattering_lowers_clarity_and_raises_turbidity_step_by_step() -> None:
    seen = [judged(replace(WATER, scatter_per_mm=s), blank=WATER) for s in (0.0, 0.003, 0.01, 0.03, 0.3)]
    clear, turbid = zip(*seen, strict=True)
    assert clear[0] == pytest.approx(1.0, abs=0.05)
    assert turbid[0] == pytest.approx(0.0, abs=0.05)
    assert list(clear) == sorted(clear, reverse=True)
    assert list(turbid) == sorted(turbid)
    assert clear[-1] < 0.1
    assert turbid[-1] > 0.9


@pytest.mark.parametrize("scatter", [0.0, 0.01])
def test_neither_dye_nor_exposure_changes_it(scatter: float) -> None:
    plain = judged(replace(WATER, scatter_per_mm=scatter), blank=WATER)
    dark = replace(STRIPED, lens=replace(STRIPED.lens, gain=(0.5, 0.55, 0.6)))
    for other in (
        judged(replace(DYED, scatter_per_mm=scatter), blank=WATER),
        judged(replace(WATER, scatter_per_mm=scatter), dark, blank=WATER),
    ):
        assert np.array(other, float) == pytest.approx(np.array(plain, float), abs=0.08)


@pytest.mark.parametrize("distance_mm", [20.0, 30.0, 45.0, 60.0])
@pytest.mark.parametrize("pitch_mm", [2.0, 3.0, 4.0])
def test_water_is_clear_whatever_the_lens_makes_of_the_stripes(distance_mm: float, pitch_mm: float) -> None:
    striped = Backdrop(distance_mm=distance_mm, pattern=Pattern("upright", pitch_mm, 0.7, 15.0))
    clear, turbid = judged(WATER, replace(STRIPED, backdrop=striped))
    assert clear == pytest.approx(1.0, abs=0.06)
    assert turbid == pytest.approx(0.0, abs=0.06)


def test_without_a_blank_the_air_above_is_the_reference() -> None:
    clear, _ = judged(WATER)
    milky, _ = judged(replace(WATER, scatter_per_mm=0.1))
    assert clear is not None
    assert milky is not None
    assert clear > 0.9
    assert milky < 0.2


def test_a_plain_panel_tells_nothing() -> None:
    plain = replace(STRIPED, backdrop=replace(STRIPED.backdrop, pattern=None))
    assert judged(WATER, plain) == (None, None)
