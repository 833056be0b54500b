"""A campaign as one HTML file that needs nothing beside it: charts, experiments, pictures, how it was made."""

import base64
import datetime
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jinja2 import Environment, StrictUndefined

from campaign import report_charts
from campaign.correction import STAYS, say_correction
from campaign.decide import history_of
from campaign.events import (
    Answered,
    Asked,
    Corrected,
    Decided,
    Included,
    Labelled,
    Resumed,
    SettingsChanged,
    VialGivenUp,
)
from campaign.insight import LIGHTS, Insight, insight_of, standing
from campaign.record import Record, read_record
from campaign.spec import CampaignSpec
from campaign.state import Experiment
from campaign.words import LABELS, say_label
from campaign.worth import WORTHS
from resources import path as resource
from vision.colour import lab_to_bgr
from vision.reading import Lab

if TYPE_CHECKING:
    from optimiser.posterior import Posterior

THUMB_PX = 150
MOST_PICTURES = 200
LEAST_FOR_BAND = 6
_PACKAGES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless")


def write_report(journal_path: str | Path, out: str | Path) -> Path:
    """Write the report of a journal to the file `out`; returns its path. Raises JournalError, OSError."""
    record = read_record(journal_path)
    page = render(record)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(page, encoding="utf-8")
    part.replace(out)
    return out


def render(record: Record) -> str:
    """The report's HTML."""
    state, spec = record.state, record.state.spec
    seen = state.observed
    posterior = _posterior(record)
    band = _random_band(posterior, seen[-1].number) if posterior is not None and len(seen) >= LEAST_FOR_BAND else ()
    insight = insight_of(state, posterior) if posterior is not None else None
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(resource("templates/report.html").read_text(encoding="utf-8"))
    return template.render(
        name=spec.name,
        about=spec.about.strip(),
        state=state,
        spec=spec,
        objective=report_charts.named(spec.objective.name, spec.objective.unit),
        best=_best(record),
        insight=insight,
        standing=_standing(record, insight),
        light=LIGHTS[insight.health.light] if insight is not None else "",
        target=_css(spec.objective.target_lab),
        charts={
            "best": report_charts.best_so_far(spec, seen, band),
            "predicted": report_charts.predicted_measured(spec, seen),
            "parameters": report_charts.by_parameter(spec, seen),
        },
        rows=[_row(e, spec, record.path.parent) for e in state.experiments],
        parameters=spec.space.parameters,
        band=bool(band),
        pictures=any(e.image for e in state.experiments),
        colours=spec.objective.kind == "colour",
        people=_people(record),
        made=_made(record),
        campaign_toml=record.opened.campaign_toml,
        rig_toml=record.opened.rig_toml,
        problem=record.problem,
        image_problems=record.image_problems,
    )


def _posterior(record: Record) -> "Posterior | None":
    """The surrogate of all that was measured; None without one."""
    from optimiser.blas import one_thread
    from optimiser.surrogate import FitError, fit

    try:
        with one_thread():
            return fit(history_of(record.state))
    except FitError:
        return None


def _random_band(posterior: "Posterior", experiments: int) -> report_charts.Band:
    """Best so far of random search, drawn on the surrogate."""
    from optimiser.blas import one_thread
    from optimiser.impact import random_band

    with one_thread():
        band = random_band(posterior, experiments)
    return [
        (i + 1.0, float(low), float(high)) for i, (low, high) in enumerate(zip(band.low, band.high, strict=True))
    ]


def _best(record: Record) -> Mapping[str, str] | None:
    """The result in words: the surrogate's belief at the best measured point, or the best value without one."""
    spec, end = record.state.spec, record.finished
    unit = f" {spec.objective.unit}".rstrip()
    if end is not None and end.best_point is not None and end.best_mean is not None:
        spread = "" if end.best_sd is None else f" ± {end.best_sd:.2g}"
        return {
            "value": f"{end.best_mean:.4g}{spread}{unit}",
            "point": _point_words(end.best_point, spec),
            "how": _HOW,
        }
    counted = [e for e in record.state.observed if e.include]
    if not counted:
        return None
    sign = 1.0 if spec.objective.direction == "maximise" else -1.0
    top = max(counted, key=lambda e: sign * (e.value or 0.0))
    how = f"the best value measured so far, experiment {top.number}"
    return {"value": f"{top.value:.4g}{unit}", "point": _point_words(top.point, spec), "how": how}


def _standing(record: Record, insight: Insight | None) -> str:
    """How sure the result is; nothing where the journal's result is another point, as after a change of labels."""
    end, best = record.finished, insight.headline.best if insight is not None else None
    same = best is not None and end is not None and end.best_point == dict(best.point)
    return standing(best) if best is not None and same else ""


_HOW = "what the model believes at the best point that was measured"


def _point_words(point: Mapping[str, float | str], spec: CampaignSpec) -> str:
    """The point in the campaign's order and units; the journal sorts names."""
    return ", ".join(f"{p.name} {_cell(point[p.name])} {p.unit}".rstrip() for p in spec.space.parameters)


def _row(experiment: Experiment, spec: CampaignSpec, folder: Path) -> Mapping[str, object]:
    """One line of the table, as text."""
    reading = experiment.reading or {}
    volume = reading.get("volume_ul")
    unsaid = "failed" if experiment.value is None and experiment.over else "measured"
    return {
        "number": experiment.number,
        "status": experiment.status.replace("_", " "),
        "source": {"initial": "initial", "strategy": spec.strategy.kind, "person": "person"}[experiment.source],
        "slot": experiment.slot or "",
        "point": [_cell(experiment.point[p.name]) for p in spec.space.parameters],
        "value": _number(experiment.value),
        "predicted": "" if experiment.mean is None else f"{_number(experiment.mean)} ± {experiment.sd or 0.0:.2g}",
        "level": f"{volume:.0f}" if isinstance(volume, int | float) else "",
        "colour": _css(_lab(reading.get("lab"))),
        "image": _thumbnail(folder, experiment.image) if experiment.number <= MOST_PICTURES else None,
        "note": experiment.note,
        "why": experiment.reason,
        "label": "" if experiment.label == unsaid else LABELS[experiment.label][0],
    }


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _lab(value: object) -> Lab | None:
    if isinstance(value, Sequence) and len(value) == 3 and all(isinstance(v, int | float) for v in value):
        return float(value[0]), float(value[1]), float(value[2])
    return None


def _css(lab: Lab | None) -> str | None:
    """A colour as the screen shows it, #rrggbb."""
    if lab is None or not np.all(np.isfinite(lab)):
        return None
    b, g, r = (int(c) for c in lab_to_bgr(lab))
    return f"#{r:02x}{g:02x}{b:02x}"


def _thumbnail(folder: Path, image: str | None) -> str | None:
    """A picture of the journal's folder as a small JPEG in a data URL; None when it cannot be had."""
    if image is None:
        return None
    path = (folder / image).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    if picture is None:
        return None
    scale = THUMB_PX / picture.shape[1]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode() if done else None


def _people(record: Record) -> list[str]:
    """What people decided, and what went wrong, in the order it happened."""
    out = []
    for event in record.events:
        match event:
            case Decided(by="person", action=action) if action != "accept":
                words = {"override": "another point taken", "skip": "the suggestion skipped"}[action]
                point = _point_words(event.point, record.state.spec)
                out.append(f"Experiment {event.experiment}: {words} ({point}). {event.why}".strip())
            case Asked():
                out.append(f"Experiment {event.experiment}: asked “{event.question}”")
            case Answered():
                out.append(f"Experiment {event.experiment}: answered “{event.choice}”")
            case VialGivenUp():
                out.append(f"Experiment {event.experiment}: vial {event.slot or ''} given up: {event.why}")
            case SettingsChanged():
                out.append(f"Settings changed: {event.why}")
            case Labelled():
                out.append(f"Experiment {event.experiment}: labelled {say_label(event.label)}")
            case Corrected():
                place = "" if event.experiment is None else f"Experiment {event.experiment}: "
                out.append(f"{place}the eye corrected for {say_correction(event)}. {STAYS}")
            case Included(include=False):
                out.append(f"Experiment {event.experiment}: left out of the model")
            case Resumed():
                out.append(f"Opened again; in doubt: {event.in_doubt or 'nothing'}")
            case _:
                pass
    return out


def _made(record: Record) -> list[tuple[str, str]]:
    """How it was made: name and value."""
    spec, state = record.state.spec, record.state
    strategy: str = spec.strategy.kind
    if spec.strategy.kind == "gp":
        worth = WORTHS[spec.strategy.acquisition]
        beta = f", beta {spec.strategy.beta:g}" if worth.beta else ""
        strategy = f"Gaussian process, {worth.short}{beta}, {spec.strategy.initial} initial"
    dosed = ", ".join(f"{stock} {volume / 1000:.4g} mL" for stock, volume in (state.dosed_ul or {}).items())
    when = datetime.datetime.fromtimestamp(state.opened.wall_s).astimezone() if state.opened else None
    lines = [
        ("Begun", when.strftime("%Y-%m-%d %H:%M %Z") if when else ""),
        ("Took", f"{state.seconds:.0f} s" if state.seconds < 120 else f"{state.seconds / 60:.0f} min"),
        ("Strategy", strategy),
        ("Seed", str(record.opened.seed)),
        ("Bench", _bench(record)),
        ("Dosed", dosed),
        ("Made with", f"Aliquot {record.opened.version}"),
        ("Report with", ", ".join(_versions())),
        ("Journal", f"{record.path.name}, {len(record.events)} records, newest sha256 {record.head}"),
    ]
    return [(name, value) for name, value in lines if value]


def _bench(record: Record) -> str:
    if record.opened.simulated:
        return "simulated: nothing real was moved or measured"
    if record.opened.rig_toml:
        return "real"
    typed = record.state.spec.objective.kind == "typed"
    return "none: made by hand, the values typed" if typed else "none: measured by a function"


def _versions() -> list[str]:
    out = []
    for package in _PACKAGES:
        try:
            out.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return out
