#!/usr/bin/env python3
"""What checkpoints cost a whole run: one worker and one server, with a checkpoint a minute and without.

Usage: bench/checkpoint.py [--mib 1024] [--seconds 125] [--rounds 1] [--models sparse,dense] [BALLAST]

Trains a model of so many MiB of weights with a history line for every step, and takes the time of
each line. `sparse`: rows of 64 with Adagrad, 8,192 of them a step. `dense`: one large layer with Adam.
Runs with and without checkpoints take turns. The table has, for each run:

  a step       median of the steps while no checkpoint was written, in ms
  while        median of those while one was
  longest      the longest of those, beyond the median of the others: what training was held up
  and without  the longest step while none was written, beyond the same: what the machine does anyway
  overhead     what all steps while one was written took beyond that median, as a part of the run
  written      how long a checkpoint was being written, in s

Steps before the model has all its rows do not count. A line may come late while the coordinator is
busy with the checkpoint and training is not: what the lines after it show to have been done by then
was (`settle`).
"""

import argparse
import json
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH, KEYS, BATCH = 64, 128, 64
TICK = 0.001  # Of looking for lines: what the times are exact to.


def write_sparse(place, mib):
    """Each row once in an epoch, in random order."""
    rows = (mib << 20) // (4 * WIDTH)
    keys = list(range(1, rows + 1))
    random.Random(1).shuffle(keys)
    with open(place / "data.libsvm", "w") as out:
        for first in range(0, rows - KEYS + 1, KEYS):
            some = sorted(keys[first : first + KEYS])
            out.write(f"{(first // KEYS) % 2} " + " ".join(f"{key}:1" for key in some) + "\n")
    spec = {
        "name": "checkpoint-sparse",
        "data": {"train": "data.libsvm"},
        "model": {
            "layers": [{"embedding_bag": {"width": WIDTH}}, {"dense": 2}],
            "loss": "cross_entropy",
        },
        "optimizer": {"adagrad": {"learning_rate": 0.01}},
        "training": {"epochs": 1000, "batch": BATCH, "leaves": 2, "log_every": 1},
    }
    return spec, rows // KEYS // BATCH  # The steps until all rows are there.


def write_dense(place, mib):
    inputs = 1024
    outputs = (mib << 20) // (4 * inputs)
    values = random.Random(2)
    with open(place / "data.csv", "w") as out:
        out.write(",".join(f"x{i}" for i in range(inputs)) + ",y\n")
        for _ in range(64):
            numbers = ",".join(f"{values.uniform(-1, 1):.3f}" for _ in range(inputs))
            out.write(f"{numbers},{values.randrange(2)}\n")
    spec = {
        "name": "checkpoint-dense",
        "data": {"train": "data.csv", "label": "y"},
        "model": {"layers": [{"dense": outputs}, "relu", {"dense": 2}], "loss": "cross_entropy"},
        "optimizer": {"adam": {"learning_rate": 0.001}},
        "training": {"epochs": 100000, "batch": 2, "leaves": 1, "log_every": 1},
    }
    return spec, 2


class Watch:
    """The lines of a history as they come, and whether a checkpoint is being written."""

    def __init__(self, out):
        self.history = out / "history.jsonl"
        self.staging = out / "checkpoints" / ".staging"
        self.store = out / "checkpoints"
        self.read = 0
        self.steps = []  # (when, was a checkpoint written since the line before)
        self.writing = 0.0
        self.known = set()
        self.last = time.monotonic()
        self.open = False

    def look(self):
        now = time.monotonic()
        busy = self.is_writing()
        if busy:
            self.writing += now - self.last
        self.open |= busy
        self.last = now
        if not self.history.exists() or self.history.stat().st_size == self.read:
            return
        with open(self.history, "rb") as lines:
            lines.seek(self.read)
            text = lines.read()
        whole = text.rfind(b"\n") + 1
        self.read += whole
        for line in text[:whole].splitlines():
            if "gradient_norm" not in json.loads(line):
                continue  # The end of an epoch.
            self.steps.append((now, self.open))
            self.open = busy

    def is_writing(self):
        """From its first file until its manifest is there."""
        try:
            names = {path.name for path in self.store.iterdir()}
            staged = any(self.staging.iterdir())
        except FileNotFoundError:
            return False
        new = names - self.known
        if any(name.startswith("checkpoint-") for name in new):
            self.known |= names
            return staged
        return staged or any(name.endswith(".sst") for name in new)


def train(ballast, place, out, every, seconds):
    command = [ballast, "train", "spec.yaml", "--out", str(out)]
    command += ["--cache", str(place / "cache"), "--workers", "1", "--servers", "1"]
    command += ["--set", f"checkpoint.every_seconds={every}"]
    watch = Watch(out)
    with open(place / "log", "w") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
        try:
            while not watch.steps or time.monotonic() < watch.steps[0][0] + seconds:
                if process.poll() is not None:
                    sys.exit(f"{' '.join(command)}: {(place / 'log').read_text()}")
                watch.look()
                time.sleep(TICK)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    return watch


def settle(times):
    """When steps were done at the latest, if none takes less than half of the median."""
    fast = statistics.median(b - a for a, b in zip(times, times[1:])) / 2
    done = list(times)
    for i in reversed(range(len(done) - 1)):
        done[i] = min(done[i], done[i + 1] - fast)
    return done


def report(name, every, watch, warm):
    took, during = [], []
    times = settle([when for when, _ in watch.steps[warm:]])
    for before, now, (_, written) in zip(times, times[1:], watch.steps[warm + 1 :]):
        (during if written else took).append((now - before) * 1e3)
    median = statistics.median(took)
    beyond = [step - median for step in during]
    whole = (times[-1] - times[0]) * 1e3
    print(
        f"{name:8} {every and f'every {every} s' or 'never':12} {len(took) + len(during):7}"
        f" {median:9.1f} {statistics.median(during) if during else 0:9.1f}"
        f" {max(beyond, default=0):9.1f} {max(took) - median:12.1f}"
        f" {100 * sum(beyond) / whole:9.2f} % {watch.writing:9.1f}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--mib", type=int, default=1024)
    options.add_argument("--seconds", type=int, default=125)
    options.add_argument("--every", type=int, default=60)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--models", default="sparse,dense")
    options.add_argument("--place", default="/var/tmp")
    options.add_argument("ballast", nargs="?", default=str(ROOT / "build/release/ballast"))
    chosen = options.parse_args()
    print(
        f"{chosen.mib} MiB of weights, {chosen.seconds} s each\n"
        f"{'model':8} {'checkpoint':12} {'steps':>7} {'a step':>9} {'while':>9} {'longest':>9}"
        f" {'and without':>12} {'overhead':>11} {'written':>9}"
    )
    writers = {"sparse": write_sparse, "dense": write_dense}
    for name in chosen.models.split(","):
        with tempfile.TemporaryDirectory(dir=chosen.place) as directory:
            place = pathlib.Path(directory)
            spec, warm = writers[name](place, chosen.mib)
            (place / "spec.yaml").write_text(json.dumps(spec))
            for _ in range(chosen.rounds):
                for every in (0, chosen.every):
                    out = place / "out"
                    watch = train(chosen.ballast, place, out, every, chosen.seconds)
                    report(name, every, watch, warm)
                    shutil.rmtree(out)


if __name__ == "__main__":
    main()
