"""Weighed doses become a factor and an offset, and these go into a rig file that keeps its comments."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.calibration import WATER_20C_MG_UL, Weighed, calibrate, true_ul, values
from hardware.rig_edit import set_calibration
from hardware.rig_file import RigFileError, load_rig
from hardware.spec import PumpSpec
from tests.hardware.test_rig_file import GOOD

MG_PER_UL = 1 / true_ul(1.0)


def weighed(told, factor=1.0, offset_ul=0.0, sd_ul=0.0, seed=1) -> list[Weighed]:
    chance = random.Random(seed)
    return [Weighed(c, max(0.0, (factor * c + offset_ul + chance.gauss(0, sd_ul)) * MG_PER_UL)) for c in told]


def test_water_weighs_what_the_tables_say():
    assert true_ul(1000.0) == pytest.approx(1002.85, abs=0.05)  # Z factor of ISO 8655-6 at 20 °C, 1013 hPa: 1.0029


def test_a_line_without_noise_is_found():
    found = calibrate(weighed([50, 100, 200, 400, 800] * 2, 0.97, -1.5))
    assert (found.factor, found.offset_ul) == (pytest.approx(0.97), pytest.approx(-1.5))
    assert (found.factor_se, found.cv_percent) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
    assert found.outlier is None
    assert found.advice == ()
    assert values(found) == {"factor": 0.97, "offset_ul": -1.5}


@given(st.integers(0, 10_000))
def test_the_truth_lies_within_the_errors_that_are_told(seed):
    found = calibrate(weighed([100, 200, 400, 800] * 3, 1.03, 2.0, 1.0, seed))
    assert abs(found.factor - 1.03) < 6 * found.factor_se
    assert abs(found.offset_ul - 2.0) < 6 * found.offset_se_ul


def test_repeatability_is_that_of_equal_volumes():
    doses = [Weighed(100, w * MG_PER_UL) for w in (99, 101, 100, 98, 102)]
    found = calibrate(doses)
    assert found.cv_percent == pytest.approx(100 * math.sqrt(10 / 4) / 100)
    assert (found.factor, found.offset_ul, found.offset_se_ul) == (pytest.approx(1.0), 0.0, None)
    assert any("another volume" in a for a in found.advice)
    assert any("5 doses are few" in a for a in found.advice)


def test_what_was_dosed_with_an_old_calibration_gives_the_whole_new_one():
    old = PumpSpec("new_era", "COM1", 20, 25_000, {}, factor=0.9, offset_ul=4.0)
    asked = [100.0, 200.0, 400.0] * 4
    truth = [1.05 * (a - 4.0) / 0.9 - 1.0 for a in asked]
    found = calibrate([Weighed(a, t * MG_PER_UL) for a, t in zip(asked, truth, strict=True)], spec=old)
    assert (found.factor, found.offset_ul) == (pytest.approx(1.05), pytest.approx(-1.0))
    assert found.bias_percent > 10


def test_a_dose_that_does_not_fit_is_named_and_nothing_is_written():
    doses = weighed([100] * 5 + [200] * 5, 1.02, 0.0, 0.3)
    doses[3] = Weighed(100, 61 * MG_PER_UL)
    found = calibrate(doses)
    assert found.outlier == 3
    assert "Dose 4 does not fit" in found.advice[0]
    with pytest.raises(ValueError, match="Dose 4"):
        values(found)


def test_ordinary_noise_is_called_an_outlier_once_in_a_hundred_calibrations():
    named = [calibrate(weighed([100] * 5 + [200] * 5, 1.02, 0.0, 0.5, seed)).outlier for seed in range(300)]
    assert sum(n is not None for n in named) <= 8


def test_weights_in_grams_are_no_calibration():
    found = calibrate([Weighed(c, w / 1000) for c, w in [(100, 99.8), (200, 199.5), (400, 399)] * 4])
    assert not found.usable
    assert any("unit of the weights" in a for a in found.advice)


@pytest.mark.parametrize(
    ("doses", "density", "says"),
    [
        ([Weighed(100, 100)] * 2, 1.0, "2 weighed doses are too few"),
        ([Weighed(100, 100)] * 3, 0.0, "density"),
        ([Weighed(100, 100)] * 3, math.nan, "density"),
        ([Weighed(100, 100)] * 2 + [Weighed(0, 100)], 1.0, "dose 3: 0 µL"),
        ([Weighed(100, 100)] * 2 + [Weighed(100, -3)], 1.0, "tared"),
        ([Weighed(100, math.inf)] * 3, 1.0, "dose 1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(doses, density, says):
    with pytest.raises(ValueError, match=says):
        calibrate(doses, density)


numbers = st.builds(Weighed, st.floats(0.001, 1e6), st.floats(0, 1e7))


@given(st.lists(numbers, min_size=3, max_size=12), st.floats(0.3, 20))
def test_any_weights_give_numbers_or_are_refused(doses, density):
    found = calibrate(doses, density)
    assert math.isfinite(found.factor)
    assert math.isfinite(found.offset_ul)
    assert not found.usable or 0.5 <= values(found)["factor"] <= 2.0


COMMENTED = GOOD.replace('stock = "red dye"', '# filled on Monday\nstock = "red dye"  # E122').replace(
    "[pumps.water]", "# the tap\n[pumps.water]"
)


def test_a_calibration_goes_into_the_file_and_every_comment_stays(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(COMMENTED, encoding="utf-8")
    found = calibrate(weighed([100, 200, 400] * 4, 1.02, -0.5))
    set_calibration(file, "red", values(found), note="12 doses weighed,\n2026-03-01")
    text = file.read_text(encoding="utf-8")
    for comment in ("# filled on Monday", "# E122", "# the tap", "# 12 doses weighed, 2026-03-01"):
        assert comment in text
    pump = load_rig(file).pumps["red"]
    assert (pump.factor, pump.offset_ul) == (1.02, -0.5)
    assert load_rig(file).pumps["water"].factor == 1.0
    set_calibration(file, "red", {"factor": 0.99, "offset_ul": 0.0})
    assert load_rig(file).pumps["red"].factor == 0.99
    assert [f.name for f in tmp_path.iterdir()] == ["rig.toml"]


def test_inline_tables_are_edited_too(tmp_path):
    file = tmp_path / "rig.toml"
    rest = GOOD[GOOD.index("[stage]") :]
    inline = '{ kind = "new_era", port = "COM4", syringe = "BD plastic 60 mL" }'
    file.write_text(f'format = 1\nname = "x"\npumps = {{ red = {inline} }}\n{rest}', encoding="utf-8")
    set_calibration(file, "red", {"factor": 1.01, "offset_ul": 0.2})
    assert load_rig(file).pumps["red"].factor == 1.01


def test_a_file_with_mistakes_and_a_pump_that_is_not_there_are_left_alone(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(COMMENTED, encoding="utf-8")
    with pytest.raises(KeyError, match="did you mean"):
        set_calibration(file, "rde", {"factor": 1.0})
    with pytest.raises(RigFileError, match="factor"):
        set_calibration(file, "red", {"factor": 3.0})
    assert file.read_text(encoding="utf-8") == COMMENTED
    file.write_text(COMMENTED.replace("rows = 4", "rows = 0"), encoding="utf-8")
    with pytest.raises(RigFileError, match="rows"):
        set_calibration(file, "red", {"factor": 1.0})


def test_density_of_water_is_that_at_20_degrees():
    assert pytest.approx(0.9982) == WATER_20C_MG_UL
