"""The window; the only room that knows Qt."""

import os

os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")  # whatever other binding is beside it
