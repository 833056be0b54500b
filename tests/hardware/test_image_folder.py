"""Pictures that another program writes, whole and in pieces, new and old."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.devices import Frame
from hardware.drivers.image_folder import Driver, Place, Settings, has_its_end
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.spec import CameraSpec
from tests.hardware.cameras import grey, soon

FORMATS = [".png", ".jpg", ".bmp", ".tif", ".webp"]


def coded(value: int, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, grey(value))[1].tobytes()


def a_camera(source: Path | str, **fields) -> Driver:
    spec = CameraSpec("image_folder", str(source), {})
    return Driver("camera", spec, Settings(**fields), speed=1.0, latch=threading.Event())


def values(frames: list[Frame]) -> list[int]:
    return [round(float(frame.image.mean())) for frame in frames]


class Watched:
    """A driver on `source`, open, and all frames it told."""

    def __init__(self, source: Path | str, **fields) -> None:
        self.frames: list[Frame] = []
        self.camera = a_camera(source, **fields)
        self.camera.listen(self.frames.append)
        self.camera.open()


@pytest.fixture
def watch() -> Iterator[type[Watched]]:
    made: list[Watched] = []

    class Kept(Watched):
        def __init__(self, source: Path | str, **fields) -> None:
            super().__init__(source, **fields)
            made.append(self)

    yield Kept
    for each in made:
        each.camera.close()


def test_the_newest_picture_is_shown_and_each_that_comes_is_a_frame(tmp_path, watch):
    for n, name in enumerate(["b.png", "c.png", "a.png"]):
        (tmp_path / name).write_bytes(coded(10 + n))
        os.utime(tmp_path / name, (1000 + n, 1000 + n))
    seen = watch(tmp_path)
    assert values(seen.frames) == [12]
    assert seen.camera.identify() == f"pictures in {tmp_path}, 64x48"
    for n in range(5):
        (tmp_path / f"new{n}.png").write_bytes(coded(100 + n))
        soon(lambda n=n: len(seen.frames) == 2 + n)
    assert values(seen.frames) == [12, 100, 101, 102, 103, 104]
    assert [frame.number for frame in seen.frames] == [1, 2, 3, 4, 5, 6]
    assert seen.camera.health == "live"


def test_an_empty_folder_waits_for_its_first_picture(tmp_path, watch):
    seen = watch(tmp_path, discard=0)
    assert seen.camera.health == "no picture"
    assert seen.camera.identify().endswith("no picture yet")
    with pytest.raises(DeviceTimeoutError, match="none ever came"):
        seen.camera.capture(0.1)
    (tmp_path / "first.png").write_bytes(coded(50))
    soon(lambda: seen.camera.health == "live")


def test_what_was_there_before_the_question_is_no_answer(tmp_path):
    (tmp_path / "old.png").write_bytes(coded(1))
    camera = a_camera(tmp_path, discard=0)
    camera.open()
    with pytest.raises(DeviceTimeoutError, match="old"):
        camera.capture(0.3)
    threading.Timer(0.1, lambda: (tmp_path / "new.png").write_bytes(coded(2))).start()
    assert values([camera.capture(20.0)]) == [2]
    camera.close()
    (tmp_path / "meanwhile.png").write_bytes(coded(3))
    camera.open()
    assert values([camera.latest()]) == [3]
    with pytest.raises(DeviceTimeoutError):
        camera.capture(0.3)
    camera.close()


def test_by_default_the_picture_after_the_next_is_taken(tmp_path):
    camera = a_camera(tmp_path)
    camera.open()
    got: list[Frame] = []
    thread = threading.Thread(target=lambda: got.append(camera.capture(30.0)))
    thread.start()
    (tmp_path / "1.png").write_bytes(coded(1))
    soon(lambda: camera.latest() is not None)
    (tmp_path / "2.png").write_bytes(coded(2))
    thread.join(30.0)
    assert got[0].number <= 2
    camera.close()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_in_pieces_counts_when_it_is_whole(tmp_path, watch, suffix):
    seen = watch(tmp_path)
    data = coded(77, suffix)
    with (tmp_path / f"slow{suffix}").open("wb") as file:
        for part in range(0, len(data), max(1, len(data) // 4)):
            file.write(data[part : part + len(data) // 4])
            file.flush()
            assert seen.frames == [] or file.tell() == len(data)
            time.sleep(0.06)
    soon(lambda: len(seen.frames) == 1)
    assert abs(values(seen.frames)[0] - 77) <= 1
    time.sleep(0.3)
    assert len(seen.frames) == 1


def test_half_a_picture_is_never_a_picture(tmp_path, watch, caplog):
    seen = watch(tmp_path)
    (tmp_path / "half.jpg").write_bytes(coded(77, ".jpg")[:-200])
    (tmp_path / "half.png").write_bytes(coded(77)[:-20])
    (tmp_path / "nothing.png").touch()
    (tmp_path / "text.png").write_text("no picture at all")
    (tmp_path / "whole.png").write_bytes(coded(88))
    soon(lambda: len(seen.frames) == 1, 30.0)
    assert values(seen.frames) == [88]
    assert "is no whole picture and is passed over" in caplog.text


def test_a_picture_that_is_finished_later_still_counts(tmp_path, watch, caplog):
    seen = watch(tmp_path)
    data = coded(60, ".jpg")
    (tmp_path / "a.jpg").write_bytes(data[:-100])
    soon(lambda: "passed over" in caplog.text)
    (tmp_path / "a.jpg").write_bytes(data)
    soon(lambda: len(seen.frames) == 1)


def test_one_file_that_is_written_anew_each_time(tmp_path, watch):
    latest = tmp_path / "latest.png"
    seen = watch(latest)
    for n in range(4):
        latest.write_bytes(coded(20 + n))
        os.utime(latest, ns=(10**9 * (n + 1), 10**9 * (n + 1)))
        soon(lambda n=n: seen.frames and values(seen.frames)[-1] == 20 + n)
    assert sorted(set(values(seen.frames))) == [20, 21, 22, 23]


def test_pictures_that_are_copied_keep_their_old_date_and_count(tmp_path, watch):
    (tmp_path / "there.png").write_bytes(coded(10))
    seen = watch(tmp_path)
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_bytes(coded(20))
    os.utime(elsewhere, (1000, 1000))
    shutil.copy2(elsewhere, tmp_path / "copy.png")
    soon(lambda: len(seen.frames) == 2)
    assert values(seen.frames) == [10, 20]


def test_other_files_and_hidden_ones_are_left_alone(tmp_path, watch):
    seen = watch(tmp_path)
    for name in (".shot.png", "shot.png.tmp", "notes.txt", "raw.dng"):
        (tmp_path / name).write_bytes(coded(5))
    (tmp_path / ".shot.png").rename(tmp_path / "shot.png")
    soon(lambda: len(seen.frames) == 1)
    (tmp_path / "z.PNG").write_bytes(coded(6))
    soon(lambda: len(seen.frames) == 2)
    assert values(seen.frames) == [5, 6]


def test_a_numbered_sequence_comes_in_the_order_of_its_numbers(tmp_path, watch):
    for n in (10, 9, 2, 100, 1):
        (tmp_path / f"f_{n}.png").write_bytes(coded(n))
    (tmp_path / "f_x.png").write_bytes(coded(200))
    seen = watch(tmp_path / "f_%d.png", replay_fps=200.0)
    soon(lambda: len(seen.frames) == 5)
    assert values(seen.frames) == [1, 2, 9, 10, 100]
    with pytest.raises(NotConnectedError, match="have ended"):
        seen.camera.capture(10.0)
    seen.camera.open()
    soon(lambda: len(seen.frames) == 10)


def test_a_replay_can_go_on_for_ever(tmp_path, watch):
    for n in range(3):
        (tmp_path / f"{n:04d}.png").write_bytes(coded(n * 10))
    (tmp_path / "0001.png").write_bytes(b"broken")
    seen = watch(tmp_path / "%04d.png", replay_fps=200.0, loop=True)
    soon(lambda: len(seen.frames) >= 6)
    assert values(seen.frames[:6]) == [0, 20, 0, 20, 0, 20]


def test_a_pattern_chooses(tmp_path, watch):
    seen = watch(tmp_path / "top*.jpg")
    (tmp_path / "side1.jpg").write_bytes(coded(1, ".jpg"))
    (tmp_path / "top1.jpg").write_bytes(coded(90, ".jpg"))
    soon(lambda: len(seen.frames) == 1)
    assert values(seen.frames) == [90]


@pytest.mark.parametrize("source", ["nowhere", "nowhere/*.png", "nowhere/f_%04d.png"])
def test_a_folder_that_is_not_there_says_what_to_do(tmp_path, source):
    with pytest.raises(NotConnectedError, match=r"there is no folder .*nowhere; correct `source`"):
        a_camera(tmp_path / source).open()


def test_a_replay_of_nothing_says_so(tmp_path):
    with pytest.raises(NotConnectedError, match="there is no picture in"):
        a_camera(tmp_path, replay_fps=5.0).open()


def test_a_folder_that_goes_away_and_comes_back(tmp_path, watch):
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "1.png").write_bytes(coded(30))
    seen = watch(folder)
    assert seen.camera.health == "live"
    folder.rename(tmp_path / "away")
    soon(lambda: seen.camera.health == "no picture")
    assert "share" in seen.camera.about()["trouble"]
    (tmp_path / "away").rename(folder)
    soon(lambda: seen.camera.health == "live")
    assert "trouble" not in seen.camera.about()
    (folder / "2.png").write_bytes(coded(50))
    soon(lambda: len(seen.frames) == 2)
    assert values(seen.frames) == [30, 50], "the first is not told again"


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM", b""]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_arbitrary_bytes_are_no_picture_and_no_error(tmp_path_factory, data, head):
    folder = tmp_path_factory.mktemp("any", numbered=True)
    path = folder / "x.png"
    path.write_bytes(head + data)
    from hardware.drivers.image_folder import stamp_of, whole_picture

    assert whole_picture(path, stamp_of(path), 1.0) is None


@given(st.sampled_from([".png", ".jpg", ".bmp", ".webp"]), st.floats(0.0, 0.98))
def test_no_part_of_a_picture_has_the_end(suffix, share):
    data = cv2.imencode(suffix, np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8))[1].tobytes()
    assert has_its_end(data, 0.0)
    assert not has_its_end(data[: int(share * len(data))], 0.0)


def test_names_are_ordered_as_people_count(tmp_path):
    for name in ("img10.png", "img9.png", "img1.png"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1000, 1000))
    assert [name for name, _ in Place(str(tmp_path)).files()] == ["img1.png", "img9.png", "img10.png"]
