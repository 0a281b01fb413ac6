#!/usr/bin/env python3
"""Disk that a 5-fold cross-validation takes at its peak, beside one training run on the same data.

Usage: bench/disk.py [BALLAST]     (default build/release/ballast)

Everything that is written counts, in blocks: the output with its checkpoints, the servers' homes,
and the prepared data. It is looked at every 20 ms. Fails above 1.1 times the training run.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 1.1
FOLDS = "\ncross_validation: {split: stratified, folds: 5}\n"
VALIDATION = re.compile(r"^  validation:.*\n", re.MULTILINE)  # Each fold is that of its runs.


def blocks_under(directory):
    total, seen = 0, set()
    for path, _, files in os.walk(directory):
        for name in files:
            try:
                status = os.lstat(os.path.join(path, name))
            except FileNotFoundError:
                continue
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_blocks * 512
    return total


def peak_of(ballast, verb, spec):
    with tempfile.TemporaryDirectory() as place:
        command = [str(ballast), verb, str(spec), "--out", f"{place}/out", "--cache", f"{place}/cache"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak = 0
        while True:
            peak = max(peak, blocks_under(place))
            try:
                status = process.wait(timeout=0.02)
                break
            except subprocess.TimeoutExpired:
                pass
        if status != 0:
            sys.exit(f"{' '.join(command)}: exit status {status}")
        return max(peak, blocks_under(place))


def main():
    ballast = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/ballast"
    failed = False
    print(f"{'example':18} {'training':>12} {'5 folds':>12} {'ratio':>7}")
    for example in ("digits/softmax", "adult/logistic"):
        spec = ROOT / f"examples/{example}.yaml"
        folds = spec.with_name(f"{spec.stem}.disk.yaml")  # Beside it: paths in it are relative.
        try:
            folds.write_text(VALIDATION.sub("", spec.read_text()) + FOLDS)
            training, crossed = peak_of(ballast, "train", spec), peak_of(ballast, "cv", folds)
        finally:
            folds.unlink(missing_ok=True)
        print(f"{example:18} {training:12,} {crossed:12,} {crossed / training:7.2f}", flush=True)
        failed |= crossed > LIMIT * training
    if failed:
        sys.exit(f"more than {LIMIT} times the training run")


if __name__ == "__main__":
    main()
