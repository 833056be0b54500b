"""The log file: tracebacks go there, a sentence goes to the scientist."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from platformdirs import user_log_path


def exchange_folder() -> Path:
    """Where the port owner saves what was said on the wires when a command failed."""
    return user_log_path("aliquot", appauthor=False) / "exchanges"


def start_log() -> Path:
    """Log to a per-user file; returns where it lies. A folder that cannot be written leaves logging off."""
    path = user_log_path("aliquot", appauthor=False) / "aliquot.log"
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(path, maxBytes=2_000_000, backupCount=3, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s"))
    root.addHandler(handler)
    return path
