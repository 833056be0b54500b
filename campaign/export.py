"""A campaign's experiments as CSV for spreadsheets, or the whole record as JSON."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

from campaign.cells import neutral
from campaign.codec import as_json, encode
from campaign.record import Record, read_record
from campaign.state import Experiment
from campaign.table import FAILED, LABEL, objective_column

FORMAT = 1


def export_csv(journal_path: str | Path, out: str | Path) -> Path:
    """One row per experiment, the campaign's parameters and objective under their own names. Raises JournalError.

    `aliquot ask CAMPAIGN.toml` reads the file as data: failed experiments say so, labels count, what is
    unfinished is empty.
    """
    record = read_record(journal_path)
    rows = [_row(e, record) for e in record.state.experiments]
    header = list(_row(None, record))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([neutral(name) for name in header])
    for row in rows:
        writer.writerow([neutral(row[name]) for name in header])
    return _write(Path(out), text.getvalue())


def _row(experiment: Experiment | None, record: Record) -> Mapping[str, str]:
    """Cells by column; for None only the columns count."""
    spec = record.state.spec
    row = {p.name: "" if experiment is None else _cell(experiment.point.get(p.name)) for p in spec.space.parameters}
    objective = objective_column(spec)
    row[objective] = ""
    if experiment is not None:
        row[objective] = FAILED if experiment.status == FAILED else _cell(experiment.value)
    reading = (experiment.reading if experiment else None) or {}
    lab = reading.get("lab")
    L, a, b = lab if isinstance(lab, list) and len(lab) == 3 else (None, None, None)
    ours = {
        "experiment": experiment and experiment.number,
        "value_sd": experiment and experiment.value_sd,
        "predicted": experiment and experiment.mean,
        "predicted_sd": experiment and experiment.sd,
        "status": experiment and experiment.status,
        "source": experiment and experiment.source,
        LABEL: experiment and (experiment.label if experiment.over else None),
        "slot": experiment and experiment.slot,
        "volume_ul": reading.get("volume_ul"),
        "lab_L": L,
        "lab_a": a,
        "lab_b": b,
        "started_s": experiment and experiment.started_s,
        "ended_s": experiment and experiment.ended_s,
        "image": experiment and experiment.image,
        "note": experiment and experiment.note,
        "reason": experiment and experiment.reason,
    }
    for name, value in ours.items():
        while name in row:
            name = f"{name}_"
        row[name] = _cell(value)
    return row


def _cell(value: object) -> str:
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def export_json(journal_path: str | Path, out: str | Path) -> Path:
    """Campaign file, experiments and every event. Raises JournalError."""
    record = read_record(journal_path)
    end = record.finished
    whole = {
        "format": FORMAT,
        "name": record.opened.name,
        "version": record.opened.version,
        "seed": record.opened.seed,
        "simulated": record.opened.simulated,
        "problem": record.problem,
        "sha256": record.head,
        "campaign_toml": record.opened.campaign_toml,
        "rig_toml": record.opened.rig_toml,
        "result": None if end is None else json.loads(encode(end)),
        "experiments": [as_json(vars(e)) for e in record.state.experiments],
        "events": [json.loads(encode(event)) for event in record.events],
    }
    return _write(Path(out), json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _write(out: Path, text: str) -> Path:
    """The whole file or none of it; with a byte order mark where a spreadsheet needs it to know UTF-8."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_bytes(text.encode("utf-8-sig" if out.suffix.lower() == ".csv" else "utf-8"))
    part.replace(out)
    return out
