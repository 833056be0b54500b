"""Small boosted trees (Friedman, Ann. Stat. 29 (2001) 1189): what a weighted sum of features cannot say.

Each is complete and three questions deep. A table has two lines for each tree: seven pairs of feature and
threshold, breadth first; then eight leaves.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.colour import Floats

DEPTH = 3
NODES = 2**DEPTH - 1


@dataclass(frozen=True)
class Trees:
    """feature, threshold: (trees, 7) of each question, "greater?" leads right. leaf: (trees, 8), log-odds."""

    feature: npt.NDArray[np.int64]
    threshold: Floats
    leaf: Floats

    @classmethod
    def read(cls, table: str) -> "Trees":
        """Raises ValueError for a table that is none."""
        lines = [[float(v) for v in line.split()] for line in table.strip().splitlines()]
        splits, leaves = np.array(lines[0::2]).reshape(-1, 2 * NODES), np.array(lines[1::2]).reshape(-1, NODES + 1)
        return cls(splits[:, 0::2].astype(np.int64), splits[:, 1::2], leaves)

    def score(self, features: Floats) -> Floats:
        """Log-odds to add for each row of features."""
        tree = np.arange(len(self.feature))[:, None]
        row = np.arange(len(features))[None]
        node = np.zeros((len(self.feature), len(features)), np.int64)
        for _ in range(DEPTH):
            asked = features[row, self.feature[tree, node]]
            node = 2 * node + 1 + (asked > self.threshold[tree, node])
        return np.asarray(self.leaf[tree, node - NODES].sum(axis=0))
