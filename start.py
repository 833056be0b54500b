"""Start Aliquot from a fresh copy: `python3 start.py` opens it, `python3 start.py test` runs the tests.

Standard library only, any operating system. The first start makes `.venv` beside this file and installs what
pyproject.toml names; every later start goes straight to the program. Whatever else stands on the command line
goes to `aliquot` (for example `python3 start.py run CAMPAIGN.toml --virtual`).
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOG = VENV / "install.log"
OLDEST = (3, 11)


def fingerprint(extra: str) -> str:
    """What the installed environment must match: our dependencies and this interpreter."""
    wanted = (HERE / "pyproject.toml").read_bytes()
    return hashlib.sha256(wanted + sys.version.encode() + str(HERE).encode()).hexdigest() + extra


def installed(extra: str) -> bool:
    """Whether a finished installation for this interpreter and these dependencies is there."""
    mark = VENV / f"installed{extra}"
    return PYTHON.exists() and mark.exists() and mark.read_text(encoding="utf-8") == fingerprint(extra)


def make_environment() -> None:
    mark = VENV / "interpreter"
    if PYTHON.exists() and mark.exists() and mark.read_text(encoding="utf-8") == sys.version + str(HERE):
        return
    print("Making .venv for Aliquot (first start only) ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"Could not make {VENV}: {(made.stdout + made.stderr).strip().splitlines()[-1:]}\n"
            f"On Debian and Ubuntu: sudo apt-get install python{version}-venv; then start again."
        )
    mark.write_text(sys.version + str(HERE), encoding="utf-8")


def install(extra: str) -> None:
    """pip install -e, with one line of progress; the whole of pip's output goes to a log file."""
    make_environment()
    began = time.monotonic()
    target = f"{HERE}[dev]" if extra else str(HERE)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    environment = {**os.environ, "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}
    wide = shutil.get_terminal_size().columns - 1
    live = sys.stdout.isatty()
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [*command, "-e", target],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=HERE,
        ) as pip,
    ):
        for line in pip.stdout or ():
            log.write(line)
            words = line.split()
            if words and words[0] in ("Collecting", "Downloading", "Installing"):
                text = f"  {time.monotonic() - began:3.0f} s  {words[0].lower()} {' '.join(words[1:3])}"[:wide]
                print(f"\r{text:<{wide}}" if live else text, end="" if live else "\n", flush=True)
    if live:
        print()
    if pip.returncode != 0:
        tail = "\n".join(LOG.read_text(encoding="utf-8").splitlines()[-12:])
        sys.exit(
            f"{tail}\n\nThe installation stopped (pip said the above). Check the internet connection and the space "
            f"on the disk, then start again; everything pip said is in {LOG}"
        )
    (VENV / f"installed{extra}").write_text(fingerprint(extra), encoding="utf-8")
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST:
        sys.exit(
            f"Aliquot needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}. "
            "Install a newer one from python.org and start again with it."
        )
    testing = arguments[:1] == ["test"]
    extra = "-dev" if testing else ""
    if not installed(extra) and not (not extra and installed("-dev")):
        install(extra)
    # -P: the folder we are called from must not lend its modules
    if testing:
        environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
        check = [str(PYTHON), "-P", "-m", "gui.system", environment["QT_QPA_PLATFORM"]]
        if subprocess.run(check, cwd=HERE, check=False).returncode != 0:
            return 1
        # most tests wait for an instrument; a benchmark has the machine for itself
        alone = {"-n", "benchmark", "--pdb", "-s"} & set(arguments)
        side_by_side = [] if alone else ["-n", str(min(8, 2 * (os.cpu_count() or 1)))]
        tests = [str(PYTHON), "-P", "-m", "pytest", *side_by_side, *arguments[1:]]
        return subprocess.run(tests, cwd=HERE, env=environment, check=False).returncode
    return stay_with([str(PYTHON), "-P", "-m", "aliquot", *arguments])


def stay_with(command: list[str]) -> int:
    """Run the program to its end. What would end us is the program's to answer: it stops its devices first."""
    with subprocess.Popen(command) as program:

        def pass_on(number: int, frame: object) -> None:
            del frame
            program.send_signal(number)

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the program by itself
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), pass_on)
        return program.wait()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
