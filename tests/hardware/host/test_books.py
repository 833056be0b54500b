"""What vials and syringes hold outlives the program; a cable that was out is used again by itself."""

import os
import signal
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hardware.errors import NotConnectedError, OutOfRangeError
from hardware.host.books import book_of, passed_over, written
from hardware.host.hosted import open_hosted
from hardware.readying import all_fresh
from tests.hardware.host.conftest import LONG_S, SPEED
from tests.hardware.host.test_hosted import Dosing
from tests.hardware.unplug import Cable


def soon(true) -> bool:
    pause = threading.Event()
    for _ in range(1500):
        if true():
            return True
        pause.wait(0.01)
    return False


def real(spec):
    """The bench's rig as one that is no rehearsal."""
    return replace(spec, simulated=False)


def test_a_restart_makes_no_vial_empty_and_no_syringe_full(bench):
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.booked == ""
        rig.stage.home()
        rig.stage.move_to(*rig.spec.rack.position_mm("B1"))
        rig.dose("B1", "red", 4000.0, 300.0)
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.booked
        assert rig.contents_ul("B1") == pytest.approx(4000.0)
        assert rig.pumps["red"].left_ul == pytest.approx(56_000.0)
        rig.stage.home()
        rig.stage.move_to(*rig.spec.rack.position_mm("B1"))
        with pytest.raises(OutOfRangeError, match="would fill vial B1"):
            rig.dose("B1", "blue", 3000.0, 300.0)
        all_fresh(rig)
        assert rig.contents_ul("B1") == 0.0
        assert rig.pumps["red"].left_ul == 60_000.0


def test_a_rehearsal_begins_anew(bench):
    assert book_of(bench.rig) is None
    with open_hosted(bench.rig, speed=SPEED, lease_s=LONG_S) as rig:
        rig.loaded("red", 10_000.0)
    with open_hosted(bench.rig, speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.pumps["red"].left_ul == 60_000.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"left_ul": 1}', '{"left_ul": {"red": "x"}, "contents_ul": []}'])
def test_a_book_that_is_none_makes_no_vial_empty(bench, text, caplog):
    file = book_of(real(bench.rig)).file
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.booked == ""
        assert rig.pumps["red"].left_ul == 60_000.0
        assert rig.contents_ul("A1") == 8000.0, "full, until a person says otherwise"
        assert "every vial counts as full" in caplog.text


def test_a_book_of_another_rig_counts_as_far_as_it_fits(bench):
    file = book_of(real(bench.rig)).file
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"when": "w", "left_ul": {"red": 1e9, "blue": 5, "off": 1},'
        ' "contents_ul": {"Z9": 1, "A1": NaN, "A2": 7, "A3": 9e9}}'
    )
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.pumps["red"].left_ul == 60_000.0
        assert rig.pumps["blue"].left_ul == 5.0
        assert [rig.contents_ul(slot) for slot in ("A1", "A2", "A3", "A4")] == [8000.0, 7.0, 8000.0, 0.0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_dose_that_was_under_way_when_everything_was_killed_counts_in_full(bench):
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        rig.stage.home()
        rig.stage.move_to(*rig.spec.rack.position_mm("B1"))
        Dosing(bench, rig, slot="B1")
        os.kill(rig.owner_pid, signal.SIGKILL)
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.contents_ul("B1") == pytest.approx(6000.0)
        assert rig.pumps["blue"].left_ul == pytest.approx(54_000.0)


def test_rigs_with_names_in_other_letters_have_a_book_each(bench):
    names = ("試験台", "別の台", "Rig A", "rig-a")
    assert len({book_of(replace(real(bench.rig), name=name)).file for name in names}) == 4


def on_ports(spec, *ports):
    """A real rig on these ports: red, yellow, blue, water and stage."""
    pumps = {r: replace(p, port=port) for (r, p), port in zip(spec.pumps.items(), ports, strict=False)}
    return replace(spec, simulated=False, name="Our rig", pumps=pumps, stage=replace(spec.stage, port=ports[-1]))


def test_two_set_ups_of_one_name_have_a_book_each(bench):
    one = book_of(on_ports(bench.rig, "COM1", "COM2", "COM3", "COM4", "COM5"))
    other = book_of(on_ports(bench.rig, "COM6", "COM7", "COM8", "COM9", "COM10"))
    turned = book_of(on_ports(bench.rig, "COM12", "COM11", "COM13", "COM14", "COM15"))
    straight = book_of(on_ports(bench.rig, "COM11", "COM12", "COM13", "COM14", "COM15"))
    assert len({book.file for book in (one, other, turned, straight)}) == 4, "roles count too"
    assert one.file.name.startswith("our-rig-")
    written(one, {"red": 1.0}, {"A1": 2.0})
    assert not book_of(on_ports(bench.rig, "COM6", "COM7", "COM8", "COM9", "COM10")).file.exists()
    assert book_of(on_ports(bench.rig, "COM1", "COM2", "COM3", "COM4", "COM5")).file.exists()


def test_a_set_up_that_was_changed_takes_its_book_along(bench):
    before, after = ("COM1", "COM2", "COM3", "COM4", "COM5"), ("COM1", "COM2", "COM3", "COM4", "COM9")
    book = book_of(on_ports(bench.rig, *before))
    written(book, {"red": 1.0}, {"A1": 2.0})
    moved = book_of(on_ports(bench.rig, *after))
    assert moved.file != book.file
    assert '"A1": 2.0' in moved.file.read_text()
    assert [*book.file.parent.iterdir()] == [moved.file], "nothing old is left to be believed later"


def test_books_that_may_be_those_of_this_rig_and_are_not_taken_for_it_are_named(bench, caplog):
    one = book_of(on_ports(bench.rig, "COM1", "COM2", "COM3", "COM4", "COM5"))
    assert passed_over(one) == ""
    written(one, {"red": 1.0}, {"A1": 2.0})
    assert passed_over(one) == ""
    assert str(one.file) in passed_over(book_of(on_ports(bench.rig, "COM6", "COM7", "COM8", "COM9", "COM10")))
    one.file.write_text("{")
    assert str(one.file) in passed_over(book_of(on_ports(bench.rig, "COM1", "COM2", "COM3", "COM4", "COM9")))
    assert passed_over(book_of(real(bench.rig))) == "", "of another name"
    mine = book_of(real(bench.rig))
    before = mine.file.with_name(f"{mine.file.stem.rpartition('-')[0]}-0.json")
    written(replace(mine, file=before, devices=()), {}, {})
    with open_hosted(real(bench.rig), speed=SPEED, lease_s=LONG_S) as rig:
        assert rig.booked == ""
        assert "the books begin anew" in caplog.text


def test_a_device_is_known_by_its_serial_number_wherever_it_is_plugged_in(bench, monkeypatch):
    def plugged(*found):
        ports = [SimpleNamespace(device=device, serial_number=serial) for device, serial in found]
        monkeypatch.setattr("hardware.ports.list_ports.comports", lambda: ports)

    plugged(("COM1", "A"), ("COM2", "B"), ("COM3", "same"), ("COM4", "same"), ("COM5", None))
    book = book_of(on_ports(bench.rig, "COM1", "COM2", "COM3", "COM4", "COM5"))
    plugged(("COM2", "A"), ("COM1", "B"), ("COM3", "same"), ("COM4", "same"), ("COM5", None))
    assert book_of(on_ports(bench.rig, "COM2", "COM1", "COM3", "COM4", "COM5")).file == book.file
    assert book_of(on_ports(bench.rig, "usb:A", "usb:B", "COM3", "COM4", "COM5")).file == book.file


def test_a_virtual_bench_leaves_no_book_however_often_it_is_started(bench, own_folders):
    with open_hosted(bench.rig, speed=SPEED, lease_s=LONG_S) as rig:
        rig.set_contents("A1", 10.0)
        rig.loaded("red", 10_000.0)
    assert not (own_folders / "data" / "aliquot" / "books").exists()


def test_a_pump_whose_cable_was_out_is_named_and_connected_again_by_itself(bench):
    cable = Cable(bench.rig.pumps["red"].port)
    pumps = {**bench.rig.pumps, "red": replace(bench.rig.pumps["red"], port=cable.address)}
    try:
        with open_hosted(replace(bench.rig, pumps=pumps), speed=SPEED, lease_s=LONG_S) as rig:
            assert rig.lost == {}
            cable.pull_at(0)
            with pytest.raises(NotConnectedError):
                rig.dose("A1", "red", 100.0, 100.0) if rig.stage.homed else rig.pumps["red"].about()
            assert soon(lambda: "red" in rig.lost)
            cable.pull_at(None)
            assert soon(lambda: not rig.lost)
            assert "NE1000" in rig.pumps["red"].identify()
    finally:
        cable.close()
