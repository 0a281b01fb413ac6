#!/usr/bin/env python3
"""Examples a second of one job on several shapes of the cluster, and that its digest stays the same.

Usage: bench/shapes.py [SPEC [BALLAST]]    (default examples/digits/mlp.yaml build/release/ballast)
Trains five times on each shape and prints the median and the spread of the whole command's time,
beside that of one process with one thread. Exit code 1 when two digests differ.
"""

import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = 5
SHAPES = {
    "one process, 1 thread": ["--threads", "1"],
    "one process, 2 threads": ["--threads", "2"],
    "1 worker, 1 server, ipc": ["--workers", "1", "--servers", "1"],
    "2 workers, 1 server, ipc": ["--workers", "2", "--servers", "1"],
    "2 workers, 2 servers, ipc": ["--workers", "2", "--servers", "2"],
    "2 workers, 2 servers, tcp": ["--workers", "2", "--servers", "2", "--transport", "tcp"],
}


def train(ballast, spec, shape, directory):
    """Seconds, examples trained on, digest."""
    out = pathlib.Path(directory) / "run"
    began = time.monotonic()
    subprocess.run(
        [ballast, "train", spec, "--out", str(out), "--overwrite", *shape],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - began
    last = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()][-1]
    run = json.loads((out / "job.json").read_text())["run"]
    digest = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    return seconds, last["epoch"] * run["train_examples"], digest


def main():
    spec = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "examples" / "digits" / "mlp.yaml")
    ballast = sys.argv[2] if len(sys.argv) > 2 else str(ROOT / "build" / "release" / "ballast")
    digests = set()
    base = None
    print(f"{spec} on {os.cpu_count()} cores, median of {ROUNDS} (fastest to slowest)")
    with tempfile.TemporaryDirectory() as directory:
        train(ballast, spec, [], directory)  # Prepares the data.
        for name, shape in SHAPES.items():
            rounds = [train(ballast, spec, shape, directory) for _ in range(ROUNDS)]
            digests.update(digest for _, _, digest in rounds)
            times = sorted(seconds for seconds, _, _ in rounds)
            median = statistics.median(times)
            base = base or median
            print(
                f"  {name:27} {median:6.2f} s ({times[0]:.2f} to {times[-1]:.2f})"
                f" {rounds[0][1] / median:9.0f} examples/s  {base / median:5.2f} of one thread"
            )
    print("digests:", *sorted(digests))
    sys.exit(len(digests) != 1)


if __name__ == "__main__":
    main()
