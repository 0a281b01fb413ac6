#!/usr/bin/env python3
"""Five stratified folds of the 1,797 digits, by hand: trains the MLP on four, tests on the fifth.

Usage: bench/digits_folds.py [BALLAST]     (default build/release/ballast)
Prints each fold's accuracy and the mean; exit code 1 when the mean is below 0.970.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDS = 5


def main():
    ballast = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "release" / "ballast")
    with open(ROOT / "examples" / "digits" / "digits.csv", newline="") as source:
        header, *rows = list(csv.reader(source))
    at = header.index("digit")
    seen = {}
    folds = []
    for row in rows:  # The i-th example of a class goes to fold i mod 5.
        folds.append(seen.get(row[at], 0) % FOLDS)
        seen[row[at]] = seen.get(row[at], 0) + 1
    scores = []
    with tempfile.TemporaryDirectory() as directory:
        for fold in range(FOLDS):
            for name, inside in (("train", False), ("test", True)):
                with open(f"{directory}/{name}.csv", "w", newline="") as out:
                    chosen = [row for row, f in zip(rows, folds) if (f == fold) == inside]
                    csv.writer(out).writerows([header, *chosen])
            command = [ballast, "train", str(ROOT / "examples" / "digits" / "mlp.yaml")]
            command += ["--set", f"data.train={directory}/train.csv"]
            command += ["--set", f"data.test={directory}/test.csv"]
            command += ["--out", f"{directory}/run", "--cache", f"{directory}/cache", "--overwrite"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            metrics = json.loads(pathlib.Path(f"{directory}/run/metrics.json").read_text())
            scores.append(metrics["test"]["accuracy"])
            print(f"fold {fold + 1}: accuracy {scores[-1]:.4f}")
    mean = sum(scores) / FOLDS
    print(f"mean of {FOLDS} folds: {mean:.4f}")
    return 0 if mean >= 0.970 else 1


if __name__ == "__main__":
    sys.exit(main())
