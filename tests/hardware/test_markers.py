"""The markers and the lens of a rig file."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.rig_file import parse_rig, rig_to_toml
from hardware.spec import LensSpec, MarkersSpec
from tests.hardware.test_rig_file import GOOD, mistakes_of

MARKERS = """
[markers]
ids = [0, 1, 2]
size_mm = 15
places_mm = [[0, 0, 0], [30, 0, 0], [60, 0, 0]]
origin_mm = [0, -12, 21]
a1 = "front left"
white_mm = [-15, -5, -9, 5, 0]

[lens]
size_px = [1280, 720]
focal_px = [1150, 1148]
centre_px = [652.0, 348]
"""


def test_markers_and_lens_are_read_and_written_back():
    rig = parse_rig(GOOD + MARKERS)
    assert rig.markers == MarkersSpec(
        (0, 1, 2),
        15.0,
        ((0, 0, 0), (30, 0, 0), (60, 0, 0)),
        "4x4_50",
        (0, -12, 21),
        "front left",
        (-15, -5, -9, 5, 0),
    )
    assert rig.lens == LensSpec((1280, 720), (1150.0, 1148.0), (652.0, 348.0))
    assert parse_rig(rig_to_toml(rig)) == rig
    assert parse_rig(GOOD).markers is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ids = [0, 1, 2]", "ids = [0, 1, 1]", "markers.ids[3]: 1 is there twice"),
        ("ids = [0, 1, 2]", "ids = [0, 1, 50]", "markers.ids[3]: 50 is not in 4x4_50: it has 0 to 49"),
        ("ids = [0, 1, 2]", "ids = [0, 1]", "expected 2 places, one for each of ids, got 3"),
        ("ids = [0, 1, 2]", "ids = []", "markers.ids: expected at least one marker"),
        ("[30, 0, 0]", "[10, 3, 0]", "markers.places_mm[2]: is 10.44 mm from marker 0: the two overlap"),
        ("[30, 0, 0]", "[30, 0]", "markers.places_mm[2]"),
        ("size_mm = 15", 'size_mm = 15\ndictionary = "4x4_5"', 'did you mean "4x4_50"'),
        ("size_mm = 15", 'size_mm = 15\ndictionary = "qr"', "there are 4x4_50, 4x4_100"),
        ('"front left"', '"front lef"', 'did you mean "front left"'),
        ("[-15, -5, -9, 5, 0]", "[-9, 5, -15, -5, 0]", "did you mean [-15, -5, -9, 5, 0]?"),
        ("[1150, 1148]", "[0, 1148]", "lens.focal_px[1]"),
        ("[1280, 720]", "[1280.5, 720]", "lens.size_px[1]: expected a whole number"),
    ],
)
def test_mistakes_are_told_with_what_would_be_right(old, new, said):
    (mistake,) = mistakes_of(GOOD + MARKERS.replace(old, new))
    assert said in mistake


def test_the_table_in_the_readme_is_one():
    readme = (Path(__file__).parents[2] / "hardware" / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("[markers]\nids") :].split("```")[0]
    assert parse_rig(GOOD + table).markers is not None


def test_all_at_once():
    text = MARKERS.replace("[0, 1, 2]", "[0, 0, 99]").replace("size_mm", "size").replace("652.0", '"a"')
    assert [m.split(": ")[0] for m in mistakes_of(GOOD + text)] == [
        "markers.size_mm",
        "markers.ids[2]",
        "markers.ids[3]",
        "markers.size",
        "lens.centre_px[1]",
    ]


@given(st.floats(-180, 180), st.integers(0, 3), st.integers(0, 5))
def test_a_place_in_the_rack_is_where_the_stage_brings_it(angle_deg, row, column):
    rack = dataclasses.replace(parse_rig(GOOD).rack, angle_deg=angle_deg)
    slot = f"{'ABCD'[row]}{column + 1}"
    assert rack.along_rack_mm(*rack.position_mm(slot)) == pytest.approx(rack.from_a1_mm[slot], abs=1e-9)
