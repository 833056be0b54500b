"""Cameras by name and path, on a /dev and /sys of paper."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware import camera_list
from hardware.camera_list import FoundCamera, find_camera, linux_cameras, list_cameras

C920 = FoundCamera("HD Pro Webcam C920", "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_5F3A-video-index0", 2, 200)
ONE = FoundCamera("USB Camera", "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0", 0, 200)
TWO = FoundCamera("USB Camera", "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0", 4, 200)


@pytest.fixture
def computer(tmp_path: Path) -> tuple[Path, Path]:
    """A C920 with two nodes and a serial number, and a no-name camera without one."""
    dev, sysfs = tmp_path / "dev", tmp_path / "sys"
    for number, name, index in [(0, "USB Camera", 0), (1, "USB Camera", 1), (10, "C920", 0), (11, "C920", 1)]:
        node = sysfs / f"video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text(name + "\n")
        (node / "index").write_text(f"{index}\n")
        dev.mkdir(exist_ok=True)
        (dev / f"video{number}").touch()
    (sysfs / "v4l-subdev0").mkdir()
    for folder, link, to in [("by-id", "usb-046d_C920_5F3A-video-index0", "video10"),
                             ("by-id", "usb-046d_C920_5F3A-video-index1", "video11"),
                             ("by-path", "pci-0-usb-0:1:1.0-video-index0", "video0"),
                             ("by-path", "pci-0-usb-0:2:1.0-video-index0", "video10")]:  # fmt: skip
        (dev / "v4l" / folder).mkdir(parents=True, exist_ok=True)
        (dev / "v4l" / folder / link).symlink_to(f"../../{to}")
    return dev, sysfs


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
def test_linux_cameras_have_a_path_that_stays(computer):
    dev, sysfs = computer
    found = linux_cameras(dev, sysfs)
    assert [(c.name, c.index, Path(c.path).name) for c in found] == [
        ("USB Camera", 0, "pci-0-usb-0:1:1.0-video-index0"),
        ("C920", 10, "usb-046d_C920_5F3A-video-index0"),
    ]
    assert found[1].source == f"usb:{dev}/v4l/by-id/usb-046d_C920_5F3A-video-index0"


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
def test_after_plugging_in_again_the_same_path_leads_to_another_number(computer):
    dev, sysfs = computer
    before = linux_cameras(dev, sysfs)[1]
    link = dev / "v4l" / "by-id" / "usb-046d_C920_5F3A-video-index0"
    link.unlink()
    link.symlink_to("../../video12")
    (sysfs / "video10").rename(sysfs / "video12")
    (dev / "video10").rename(dev / "video12")
    again = find_camera(before.source.removeprefix("usb:"), linux_cameras(dev, sysfs))
    assert (again.index, again.path) == (12, before.path)


def test_a_camera_without_any_link_is_named_by_its_node(tmp_path):
    node = tmp_path / "sys" / "video3"
    node.mkdir(parents=True)
    assert linux_cameras(tmp_path / "dev", tmp_path / "sys") == (
        FoundCamera("video3", str(tmp_path / "dev" / "video3"), 3, 200),
    )


def test_a_computer_without_cameras(tmp_path):
    assert linux_cameras(tmp_path / "dev", tmp_path / "none") == ()


@pytest.mark.parametrize(
    "wanted", [C920.path, Path(C920.path).name, "HD Pro Webcam C920", "hd pro webcam c920", "C920", " 5F3A "]
)
def test_a_camera_is_found_by_path_name_or_part(wanted):
    assert find_camera(wanted, [ONE, C920, TWO]) is C920


def test_two_of_the_same_name_are_told_apart_by_path():
    with pytest.raises(LookupError, match="2 cameras are called 'USB Camera'") as error:
        find_camera("USB Camera", [ONE, C920, TWO])
    assert ONE.source in str(error.value)
    assert TWO.source in str(error.value)
    assert find_camera(TWO.path, [ONE, C920, TWO]) is TWO


@pytest.mark.parametrize("wanted", ["", "Brio", "usb"])
def test_a_camera_that_is_not_there_is_never_another(wanted):
    with pytest.raises(LookupError):
        find_camera(wanted, [ONE, C920, TWO])


def test_what_there_is_is_told():
    with pytest.raises(LookupError, match="Found: HD Pro Webcam C920"):
        find_camera("Brio", [C920])
    with pytest.raises(LookupError, match="Found: none"):
        find_camera("Brio", [])


@pytest.mark.parametrize(("platform", "backend"), [("win32", 700), ("darwin", 1200)])
def test_other_systems_ask_the_package(monkeypatch, platform, backend):
    asked = []

    def enumerate_cameras(wanted: int) -> list[SimpleNamespace]:
        asked.append(wanted)
        return [SimpleNamespace(name="C920", path=r"\\?\usb#vid_046d", index=1, backend=wanted)]

    monkeypatch.setattr(camera_list.sys, "platform", platform)
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", SimpleNamespace(enumerate_cameras=enumerate_cameras))
    assert list_cameras() == (FoundCamera("C920", r"\\?\usb#vid_046d", 1, backend),)
    assert asked == [backend]


def test_without_the_package_nothing_is_listed_and_nothing_fails(monkeypatch):
    monkeypatch.setattr(camera_list.sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", None)
    assert list_cameras() == ()
