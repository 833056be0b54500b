"""Small moves and doses of a rig's self-test, and stops in the middle of them; each only with consent."""

import time
from collections.abc import Callable, Iterator
from functools import partial

from hardware.check_row import CheckRow, Consent, guarded
from hardware.devices import NeedsReadying, Pump, Rig, Stage
from hardware.errors import HardwareError
from hardware.readying import make_ready
from hardware.stop_check import STILL_MS, WRITTEN_MS, Stopped, in_mid_act

_SAME = 0.01
_LASTS_S, _INTO_A_DOSE_S = 5.0, 1.0
"""A dose to be stopped, and when: pumps at 9600 baud are half a second in being programmed."""


def moves(rig: Rig, consent: Consent, speed: float) -> Iterator[CheckRow]:
    stage = rig.stage
    if isinstance(stage, NeedsReadying) and stage.unready:
        if not consent(f"The stage is not ready. {stage.unready}. Go on?"):
            yield CheckRow("stage", "moves", "skipped", "not made ready")
            return
        yield guarded("stage", "made ready", lambda: _made("stage", "made ready", stage.make_ready))
    if not stage.homed:
        if not consent("May the stage home? It moves on all axes; nozzles, vials and hands must be clear."):
            yield CheckRow("stage", "moves", "skipped", "not homed")
            return
        row = guarded("stage", "home", lambda: _made("stage", "home", stage.home))
        yield row
        if row.result == "fail":
            return
    x_mm, y_mm, _ = stage.travel_mm
    if not consent(f"May the stage travel within X 0 to {x_mm:g}, Y 0 to {y_mm:g} mm, with the nozzles up?"):
        yield CheckRow("stage", "moves", "skipped", "not agreed")
        return
    yield guarded("stage", "small moves", lambda: _small_moves(stage))
    if not consent("May everything be stopped in the middle of a long move, to measure how long that takes?"):
        yield CheckRow("stage", "stop in mid-move", "skipped", "not agreed")
        return
    yield guarded("stage", "stop in mid-move", lambda: _stop_stage(rig, speed))
    if not stage.homed:
        yield guarded("stage", "home", lambda: _made("stage", "home", stage.home))


def _made(role: str, what: str, act: Callable[[], None]) -> CheckRow:
    began = time.monotonic()
    act()
    return CheckRow(role, what, "ok", f"{time.monotonic() - began:.1f} s")


def _small_moves(stage: Stage) -> CheckRow:
    x_mm, y_mm, _ = stage.travel_mm
    worst_mm = 0.0
    places = ((0.5, 0.5), (0.55, 0.5), (0.55, 0.55), (0.5, 0.5))
    for along, across in places:
        stage.move_to(along * x_mm, across * y_mm)
        at_mm = stage.position_mm()
        worst_mm = max(worst_mm, abs(at_mm[0] - along * x_mm), abs(at_mm[1] - across * y_mm))
    step_mm = max(stage.range.step_mm[:2])
    detail = f"{len(places)} places, by its own count at most {worst_mm:.3f} mm off (a step is {step_mm:g} mm)"
    return CheckRow("stage", "small moves", "ok" if worst_mm <= max(0.05, 2 * step_mm) else "fail", detail)


def _stop_stage(rig: Rig, speed: float) -> CheckRow:
    stage = rig.stage
    x_mm, y_mm, _ = stage.travel_mm
    at_mm = stage.position_mm()
    far_mm = (x_mm if at_mm[0] < x_mm / 2 else 0.0, y_mm if at_mm[1] < y_mm / 2 else 0.0)

    def moved() -> bool:
        try:
            now = stage.position_mm()
        except HardwareError:  # some do not tell where they are while they move
            return True
        return max(abs(now[0] - at_mm[0]), abs(now[1] - at_mm[1])) > 1.0

    found = in_mid_act(
        rig, stage, lambda: stage.move_to(*far_mm), moved,
        moment_s=0.05, where=lambda: stage.position_mm()[:2], step=0.02,
    )  # fmt: skip
    return _stop_row("stage", "stop in mid-move", found, speed)


def _stop_row(role: str, what: str, found: Stopped, speed: float) -> CheckRow:
    if found.too_late:
        return CheckRow(role, what, "warn", "it was done before the stop came; not measured")
    still = f"{found.still_ms:.0f} ms" if found.still_ms is not None else "not seen, it does not know where it is"
    written = f"{found.written_ms:.1f} ms" if found.written_ms is not None else "not told"
    detail = f"bytes sent after {written}, confirmed after {found.confirmed_ms:.0f} ms, standing after {still}"
    if found.unconfirmed:
        return CheckRow(role, what, "fail", f"NOT confirmed by {', '.join(found.unconfirmed)}; {detail}")
    if found.went_on:
        return CheckRow(role, what, "fail", f"it went on after the stop; {detail}")
    slow = (found.written_ms or 0) > WRITTEN_MS or (found.still_ms or 0) > STILL_MS
    return CheckRow(
        role, what, "warn" if slow else "ok", detail + (f" (bench clock x {speed:g})" if speed != 1 else "")
    )


def doses(rig: Rig, consent: Consent, speed: float) -> Iterator[CheckRow]:
    slot = rig.spec.rack.slots[0]
    for role, pump in rig.pumps.items():
        if isinstance(pump, NeedsReadying) and pump.unready:
            yield from _readied(rig, role, pump, slot, consent)
        if isinstance(pump, NeedsReadying) and pump.unready:
            continue
        limits, left_ul = pump.range, min(pump.left_ul, rig.spec.rack.vial.fill_limit_ul - rig.contents_ul(slot))
        volume_ul = min(
            max(20 * limits.min_volume_ul, limits.capacity_ul / 500), limits.capacity_ul / 10, left_ul / 4
        )
        if volume_ul < limits.min_volume_ul:
            yield CheckRow(
                role, "dose", "skipped", f"only {left_ul:.4g} µL are left, in the pump or in vial {slot}"
            )
            continue
        stock = rig.spec.pumps[role].stock or role
        question = (
            f"May {role} give up to {4 * volume_ul:.4g} µL of {stock} into vial {slot}, and be stopped meanwhile?"
        )
        if not rig.stage.homed or not consent(question):
            why = "not agreed" if rig.stage.homed else "the stage is not homed"
            yield CheckRow(role, "dose", "skipped", why)
            continue
        yield guarded(role, "dose", partial(_dose, rig, pump, role, slot, volume_ul))
        yield guarded(role, "stop in mid-dose", partial(_stop_dose, rig, pump, role, slot, volume_ul, speed))


def _readied(rig: Rig, role: str, pump: Pump, slot: str, consent: Consent) -> Iterator[CheckRow]:
    assert isinstance(pump, NeedsReadying)  # noqa: S101  the caller looked
    for _ in range(2):  # the pump itself, then its tubing
        if not (why := pump.unready):
            return
        where = f"into vial {slot}, or beside the rack where the pump itself must move"
        if not consent(f"{role} is not ready: {why}. May it do so, {where}?"):
            yield CheckRow(role, "dose", "skipped", f"not ready: {why}")
            return
        row = guarded(role, "made ready", partial(_made, role, "made ready", partial(make_ready, rig, role, slot)))
        yield row
        if row.result == "fail":
            return


def _dose(rig: Rig, pump: Pump, role: str, slot: str, volume_ul: float) -> CheckRow:
    rig.stage.move_to(*rig.spec.rack.position_mm(slot))
    limits, before_ul = pump.range, pump.left_ul
    rate_ul_s = min(max(limits.min_rate_ul_s, volume_ul), limits.max_rate_ul_s)
    counted_ul = rig.dose(slot, role, volume_ul, rate_ul_s)
    booked_ul = before_ul - pump.left_ul
    near = abs(counted_ul - volume_ul) <= max(2 * limits.min_volume_ul, _SAME * volume_ul)
    agree = abs(booked_ul - counted_ul) <= 1e-3 * volume_ul + 1e-6
    detail = (
        f"{volume_ul:.4g} µL asked, {counted_ul:.4g} µL counted, {booked_ul:.4g} µL booked; weigh some to be sure"
    )
    return CheckRow(role, "dose", "ok" if near and agree else "fail", detail)


def _stop_dose(rig: Rig, pump: Pump, role: str, slot: str, volume_ul: float, speed: float) -> CheckRow:
    limits, before_ul = pump.range, pump.left_ul
    rate_ul_s = min(max(limits.min_rate_ul_s, 2 * volume_ul / (_LASTS_S * speed)), limits.max_rate_ul_s)
    began = rig.contents_ul(slot)
    found = in_mid_act(
        rig, pump, lambda: rig.dose(slot, role, 2 * volume_ul, rate_ul_s), lambda: rig.contents_ul(slot) > began,
        moment_s=_INTO_A_DOSE_S,
    )  # fmt: skip
    row = _stop_row(role, "stop in mid-dose", found, speed)
    part = f"{before_ul - pump.left_ul:.4g} of {2 * volume_ul:.4g} µL are booked"
    return CheckRow(row.device, row.what, row.result, f"{row.detail}; {part}")
