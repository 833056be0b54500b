"""Garbage is collected in the window's thread alone, also while other threads make the most of it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import gc, os, threading, weakref
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui import app

class Knot:
    def __init__(self):
        self.me = self

ended_in = set()

def litter():
    for _ in range(20 * gc.get_threshold()[0]):
        weakref.finalize(Knot(), lambda: ended_in.add(threading.get_ident()))

def look():
    if not worker.is_alive() and ended_in:
        print(ended_in == {threading.get_ident()}, flush=True)
        os._exit(0)

worker = threading.Thread(target=litter)
qapp = QApplication([])
QTimer.singleShot(0, worker.start)
every = QTimer(interval=50)
every.timeout.connect(look)
every.start()
app.main("course")
"""


def test_what_a_worker_leaves_ends_in_the_windows_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "True\n", done.stderr
