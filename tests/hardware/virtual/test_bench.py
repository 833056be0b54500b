"""The bench as a whole, by its ports and by the drivers."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

import resources
from hardware.devices import Rig
from hardware.errors import StoppedError
from hardware.rig import open_rig
from hardware.rig_file import load_rig
from hardware.spec import RigSpec
from hardware.virtual.bench import VirtualBench
from hardware.virtual.render import view_of
from tests.hardware.virtual.hands import PumpClient

SPEED = 50.0


@pytest.fixture
def bench(spec: RigSpec, tmp_path: Path) -> Iterator[VirtualBench]:
    with VirtualBench(spec, speed=SPEED, seed=2, truth_log=tmp_path / "truth.jsonl") as bench:
        yield bench


@pytest.fixture
def rig(bench: VirtualBench) -> Iterator[Rig]:
    with open_rig(bench.rig, speed=SPEED) as rig:
        yield rig


def test_the_shipped_rig_stands_in_the_picture_as_the_renderer_draws_it() -> None:
    spec = load_rig(resources.path("rigs/virtual.toml"))
    assert spec.simulated
    own, said = view_of(replace(spec, view=None)), spec.view
    assert said is not None
    assert said.white_px is not None
    assert said.box_px == pytest.approx(own.box_px)
    assert (said.base_row, said.px_per_mm) == pytest.approx((own.base_row, own.px_per_mm))
    right = (spec.rack.pitch_mm - spec.rack.vial.outer_mm) * said.px_per_mm + said.box_px[2]
    assert said.box_px[2] + 3 < said.white_px[0] < said.white_px[2] < right - 3, "plain panel between two vials"


def test_the_rig_of_the_bench_has_its_own_addresses(bench: VirtualBench) -> None:
    ports = [pump.port for pump in bench.rig.pumps.values()] + [bench.rig.stage.port]
    assert len(set(ports)) == 5
    assert all(port.startswith("socket://127.0.0.1:") and not port.endswith(":0") for port in ports)
    assert bench.rig.simulated
    assert bench.rig.view is not None


def test_ports_can_be_fixed_and_are_free_again_after_closing(bench: VirtualBench, spec: RigSpec) -> None:
    chosen = {role: int(pump.port.rsplit(":", 1)[1]) for role, pump in bench.rig.pumps.items()}
    bench.close()
    with VirtualBench(spec, ports=chosen) as again:
        assert {role: pump.port for role, pump in again.rig.pumps.items()} == {
            role: pump.port for role, pump in bench.rig.pumps.items()
        }
        with PumpClient(chosen["red"]) as client:
            assert client.ask("") == "00A?R"


def test_an_instrument_that_it_does_not_have_is_named(spec: RigSpec) -> None:
    strange = replace(spec, pumps={**spec.pumps, "acid": replace(spec.pumps["red"], kind="tecan_xlp")})
    with pytest.raises(ValueError, match="acid is a tecan_xlp"):
        VirtualBench(strange)


def test_the_camera_serves_stills_and_a_stream(bench: VirtualBench) -> None:
    camera = bench.rig.camera
    assert camera is not None
    with urlopen(camera.source.replace("stream.mjpg", "frame.jpg"), timeout=10) as reply:  # noqa: S310
        still = cv2.imdecode(np.frombuffer(reply.read(), np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    assert still.shape == (480, 640, 3)
    with urlopen(camera.source, timeout=10) as stream:  # noqa: S310
        assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        assert stream.read(4000).count(b"\xff\xd8") >= 1


def test_a_recipe_through_the_drivers(bench: VirtualBench, rig: Rig) -> None:
    rig.stage.home()
    rig.stage.move_to(*bench.rig.rack.position_mm("B3"))
    assert bench.truth.slot_at_station() == "B3"
    for role, ul in {"red": 400.0, "yellow": 600.0, "water": 1000.0}.items():
        assert rig.dose("B3", role, ul, 200.0) == pytest.approx(ul, abs=1.0)
    truth = bench.truth.contents_ul("B3")
    assert truth == pytest.approx({"red dye": 400.0, "yellow dye": 600.0, "water": 1000.0}, rel=0.03)
    assert rig.camera is not None
    frame = rig.camera.capture(10.0)
    view = bench.rig.view
    assert view is not None
    x = round((view.box_px[0] + view.box_px[2]) / 2)
    blue, _, red = frame.image[round(view.base_row) - 30, x - 5 : x + 5].mean(axis=0)
    assert red > blue + 50, "the frame shows what was dosed"


def test_stop_all_in_mid_dispense(bench: VirtualBench, rig: Rig) -> None:
    rig.stage.home()
    rig.stage.move_to(*bench.rig.rack.position_mm("A1"))
    stopped: list[BaseException] = []

    def dose() -> None:
        try:
            rig.dose("A1", "blue", 6000.0, 10.0)
        except StoppedError as error:
            stopped.append(error)

    thread = threading.Thread(target=dose)
    thread.start()
    while bench.truth.stroke("blue") is None:
        time.sleep(0.001)
    assert rig.stop_all() == ()
    thread.join(10.0)
    assert stopped
    assert bench.truth.stroke("blue") is None
    assert sum(bench.truth.contents_ul("A1").values()) < 6000.0
