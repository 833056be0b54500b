"""What truly happened at the bench, one JSON object a line, on disk before anyone asks."""

import json
from pathlib import Path
from typing import IO


class TruthLog:
    """Lines {"t", "what", ...}; `what` is dose, spill, refill, rack or vial. Kept in memory too."""

    def __init__(self, path: Path | None = None) -> None:
        self.lines: list[dict[str, object]] = []
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path is not None else None

    def write(self, t_s: float, what: str, **facts: object) -> None:
        line: dict[str, object] = {"t": round(t_s, 4), "what": what, **facts}
        self.lines.append(line)
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
