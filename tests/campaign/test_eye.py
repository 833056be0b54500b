"""The eye on the virtual camera's frames, of which some are spoilt: each is refused, with its reason, in words."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from campaign.eye import MOST_FRAMES, Eye, frames_from_now
from campaign.guard import level_question, surprise, vial_question
from campaign.spec import ChecksSpec
from hardware.devices import Camera, Frame, Image, Rig
from hardware.errors import HardwareError
from hardware.rig import open_rig
from hardware.rig_file import load_rig
from hardware.virtual.bench import VirtualBench
from resources import path
from vision.colour import delta_e00
from vision.correction import Correction
from vision.fusion import FEWEST
from vision.reading import Doubt

SPEED = 100.0
Fault = Callable[[Image], Image]


@pytest.fixture(scope="module")
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(load_rig(path("rigs/virtual.toml")), speed=SPEED) as virtual:
        yield virtual


@pytest.fixture(scope="module")
def rig(bench: VirtualBench) -> Iterator[Rig]:
    with open_rig(bench.rig, speed=SPEED) as opened:
        opened.stage.home()
        opened.stage.move_to(*opened.spec.rack.position_mm("A2"), 0.0)
        yield opened


class Spoilt:
    """A camera whose frames go through a fault: those whose turn is in `which`."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.spoil(lambda image: image)

    def spoil(self, fault: Fault, which: Callable[[int], bool] = lambda _: True) -> None:
        self._fault, self._which = fault, which
        self._turns: dict[int, int] = {}

    def capture(self, timeout_s: float = 5.0) -> Frame:
        return self._through(self._camera.capture(timeout_s))

    def listen(self, function: Callable[[Frame], None]) -> Callable[[], None]:
        return self._camera.listen(lambda frame: function(self._through(frame)))

    def _through(self, frame: Frame) -> Frame:
        turn = self._turns.setdefault(frame.number, len(self._turns))  # a busy camera skips numbers
        return replace(frame, image=self._fault(frame.image)) if self._which(turn) else frame


def moved(image: Image) -> Image:
    matrix = np.array([[1, 0, 6], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def frozen() -> Fault:
    held: list[Image] = []

    def fault(image: Image) -> Image:
        held.append(image)
        return held[0]

    return fault


FAULTS: dict[str, tuple[Fault, str]] = {
    "DARK": (np.zeros_like, "black"),
    "SATURATED": (lambda image: np.full_like(image, 255), "overexposed"),
    "CAMERA_MOVED": (moved, "moved"),
    "EXPOSURE": (lambda image: np.clip(image * 1.4, 0, 255).astype(np.uint8), "exposure has changed"),
    "FROZEN": (frozen(), "repeats one picture"),
}


@pytest.fixture
def camera(rig: Rig) -> Spoilt:
    assert rig.camera is not None
    return Spoilt(rig.camera)


@pytest.fixture
def eye(bench: VirtualBench, rig: Rig, camera: Spoilt) -> Eye:
    """It has looked once, at an empty vial; then there were 3000 µL in it."""
    bench.truth.put_vial("A2", {})
    made = Eye(rig.spec, camera)  # type: ignore[arg-type]  # of a camera it only wants pictures
    first = made.look()
    assert (first.reading.state, first.fused.refused, first.fused.taken) == ("empty", {}, FEWEST)
    bench.truth.put_vial("A2", {"red dye": 600.0, "water": 2400.0})
    return made


def test_five_good_frames_are_enough(eye: Eye):
    sight = eye.look(expected_ul=3000.0)
    assert sight.fused.taken == FEWEST
    assert sight.reading.volume_ul == pytest.approx(3000.0, abs=60.0)
    assert sight.fused.likely_ul == pytest.approx(3000.0, abs=60.0)
    assert sight.reading.confidence > 0.9
    assert sight.record()["refused"] == {}
    assert surprise("A2", sight.fused, 3000.0) is None


@pytest.mark.parametrize("reason", FAULTS)
def test_spoilt_frames_among_good_ones_are_counted_and_change_nothing(eye: Eye, camera: Spoilt, reason: str):
    camera.spoil(FAULTS[reason][0], lambda turn: turn % 3 == 0)
    sight = eye.look()
    assert sight.fused.frames == FEWEST
    assert sight.fused.refused[reason] == sight.fused.taken - FEWEST
    assert sight.reading.volume_ul == pytest.approx(3000.0, abs=60.0)
    assert sight.reading.doubt is Doubt.NONE
    assert "pictures refused" in sight.why
    assert FAULTS[reason][1] in sight.why


@pytest.mark.parametrize("reason", FAULTS)
def test_where_all_are_spoilt_nothing_is_known_and_why_is_told(eye: Eye, camera: Spoilt, reason: str):
    camera.spoil(FAULTS[reason][0])
    sight = eye.look(expected_ul=3000.0)
    assert sight.fused.taken == MOST_FRAMES
    assert (sight.reading.state, sight.reading.volume_ul, sight.reading.lab) == ("unknown", None, None)
    assert sight.labs == ()
    assert sight.fused.refused[reason] >= MOST_FRAMES - 1
    assert Doubt[reason] in sight.reading.doubt
    assert FAULTS[reason][1] in sight.why
    for question in (
        vial_question("A2", sight.reading),
        level_question("A2", sight.reading, 3000.0, ChecksSpec()),
    ):
        assert FAULTS[reason][1] in (question or "")


def test_a_new_light_is_told_once_and_a_moved_camera_as_long_as_it_is_moved(eye: Eye, camera: Spoilt):
    camera.spoil(lambda image: (image * 0.75).astype(np.uint8))
    assert eye.look().reading.state == "unknown"
    assert eye.look().reading.volume_ul == pytest.approx(3000.0, abs=60.0)
    camera.spoil(moved)
    assert [eye.look().reading.doubt for _ in range(2)] == [Doubt.CAMERA_MOVED] * 2


def test_a_dose_that_is_not_seen_is_said_and_not_averaged_away(eye: Eye):
    sight = eye.look(expected_ul=3180.0)
    assert sight.reading.volume_ul == pytest.approx(3000.0, abs=60.0)
    assert sight.fused.likely_ul is None
    assert "too little" in (surprise("A2", sight.fused, 3180.0) or "")
    assert level_question("A2", sight.reading, 3180.0, ChecksSpec(level_tolerance_ul=250.0)) is None


def test_a_camera_that_has_moved_since_its_set_up_is_told_at_the_first_look(
    rig: Rig, camera: Spoilt, tmp_path: Path
):
    image = camera.capture().image
    for fault, doubt in ((lambda image: (image * 0.8).astype(np.uint8), Doubt.NONE), (moved, Doubt.CAMERA_MOVED)):
        picture = tmp_path / "rig.view.png"
        cv2.imwrite(str(picture), fault(image))
        assert rig.spec.view is not None
        spec = replace(rig.spec, view=replace(rig.spec.view, picture=str(picture)))
        eye = Eye(spec, camera)  # type: ignore[arg-type]
        assert [eye.look().reading.doubt for _ in range(2)] == [doubt] * 2, (
            "another light on another day is no fault"
        )
    picture.write_bytes(b"no picture")
    with pytest.raises(HardwareError, match="draw the view anew"):
        Eye(spec, camera).look()  # type: ignore[arg-type]


def test_a_set_up_drawn_in_a_picture_of_another_size_is_told_with_both_sizes(
    rig: Rig, camera: Spoilt, tmp_path: Path
):
    picture = tmp_path / "rig.view.png"
    cv2.imwrite(str(picture), cv2.resize(camera.capture().image, (1280, 720)))
    assert rig.spec.view is not None
    spec = replace(rig.spec, view=replace(rig.spec.view, picture=str(picture)))
    with pytest.raises(HardwareError, match="640 x 480 pixels, and 1280 x 720 where its view was drawn"):
        Eye(spec, camera).look()  # type: ignore[arg-type]
    picture.unlink()
    with pytest.raises(HardwareError, match="draw the view anew"):
        Eye(spec, camera).look()  # type: ignore[arg-type]


def test_a_camera_turned_to_something_else_is_told(eye: Eye, camera: Spoilt):
    turned = cv2.getRotationMatrix2D((320, 240), 30, 1.5)
    camera.spoil(
        lambda image: np.asarray(
            cv2.warpAffine(image, turned, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
    )
    assert [eye.look().reading.doubt for _ in range(2)] == [Doubt.CAMERA_MOVED] * 2


def test_frames_of_a_camera_that_was_opened_anew_are_new_though_their_numbers_are_small():
    came: list[Callable[[Frame], None]] = []
    picture = np.zeros((4, 4, 3), np.uint8)

    class Anew:
        def capture(self, timeout_s: float = 5.0) -> Frame:
            return Frame(picture, 10.0 + timeout_s, 70_000)

        def listen(self, function: Callable[[Frame], None]) -> Callable[[], None]:
            came.append(function)
            return came.clear

    with closing(frames_from_now(Anew())) as frames:  # type: ignore[arg-type]  # of a camera it wants two methods
        assert next(frames).number == 70_000
        for taken_s, number in ((14.9, 69_999), (15.0, 70_000), (17.0, 0), (17.1, 1)):
            came[0](Frame(picture, taken_s, number))
        assert [next(frames).number for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("expected_ul", [float("nan"), float("inf"), -1.0])
def test_what_is_no_volume_is_refused_before_a_picture_is_taken(eye: Eye, expected_ul: float):
    with pytest.raises(ValueError, match="no volume"):
        eye.look(expected_ul=expected_ul)


def test_an_expected_volume_of_nothing_or_of_far_too_much_changes_nothing_that_is_seen(eye: Eye):
    for expected_ul in (0.0, 1e12):
        sight = eye.look(expected_ul=expected_ul)
        assert sight.reading.volume_ul == pytest.approx(3000.0, abs=60.0)
        assert sight.fused.surprising


def test_a_camera_that_mixes_its_colours_is_corrected_by_the_saved_chart(
    eye: Eye, rig: Rig, camera: Spoilt, tmp_path: Path
):
    mix = np.array([[0.80, 0.15, 0.05], [0.10, 0.75, 0.15], [0.05, 0.20, 0.75]])  # red, green, blue

    def mixed(image: Image) -> Image:
        return Correction(tuple(mix.flatten())).corrected(image)

    true = eye.look().reading.lab
    Correction(tuple(np.linalg.inv(mix).flatten())).save(tmp_path / "colours.json")
    assert rig.spec.view is not None
    told = {}
    for name in ("", str(tmp_path / "colours.json")):
        camera.spoil(mixed)
        spec = replace(rig.spec, view=replace(rig.spec.view, colours=name))
        told[name] = Eye(spec, camera).look().reading.lab  # type: ignore[arg-type]  # as above
    raw, put_right = told.values()
    assert delta_e00(raw, true) > 4
    assert delta_e00(put_right, true) < 1.5


def test_a_saved_chart_that_is_none_is_told_before_anything_is_read(rig: Rig, camera: Spoilt, tmp_path: Path):
    assert rig.spec.view is not None
    (tmp_path / "colours.json").write_text("{}")
    spec = replace(rig.spec, view=replace(rig.spec.view, colours=str(tmp_path / "colours.json")))
    with pytest.raises(HardwareError, match="aliquot chart"):
        Eye(spec, camera).look()  # type: ignore[arg-type]  # as above
