#!/usr/bin/env python3
"""What encrypted links cost: the steps of a job that mostly moves weights and gradients.

Usage: bench/curve.py [--rounds 5] [--steps 300] [BALLAST]

A coordinator, a server and a worker over tcp on this machine, in turn without keys and with them. The
model has 2.2 million dense weights, and a step but 16 examples: each pulls and pushes 9 MB, and
computes for a few milliseconds. Also in turn, the same with the example's own model, whose messages
are small. Time is from the first step to the last, by the lines of history.jsonl as they come.
Exit code 1 where the median with keys is below half of that without, or digests differ.
"""

import argparse
import hashlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = ROOT / "examples" / "digits" / "mlp.yaml"
WIDE = """
model:
  layers: [{dense: 1408}, relu, {dense: 1408}, relu, {dense: 10}]
  loss: cross_entropy
optimizer:
  sgd: {learning_rate: 0.01}
training: {epochs: %d, batch: 16, leaves: 1, log_every: 1}
checkpoint: {every_steps: 0}
"""


def spec_of(model, steps):
    text = SPEC.read_text()
    for name in ("train", "test"):
        text = text.replace(f"digits.{name}.csv", str(SPEC.parent / f"digits.{name}.csv"))
    if model == "small":
        return re.sub(r"epochs: \d+", f"epochs: {-(-steps // 20)}\n  log_every: 1", text)
    head = text[: text.index("model:")]
    return head + WIDE % -(-steps // 80)


def train(ballast, scratch, model, steps, keys):
    """Steps a second, digest."""
    spec = scratch / "spec.yaml"
    spec.write_text(spec_of(model, steps))
    out = scratch / "run"

    def start(role, *more):
        given = ["--keys", str(scratch / "keys")] if keys else []
        return subprocess.Popen(
            [ballast, role, *more, *given], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, "BALLAST_CACHE": str(scratch / "cache")},
        )

    coordinator = start("coordinator", str(spec), "--out", str(out), "--overwrite",
                        "--listen", "tcp://127.0.0.1:*", "--workers", "1", "--servers", "1")
    endpoint = None
    for line in coordinator.stdout:
        found = re.search(r"coordinator listens at (\S+)", line)
        if found:
            endpoint = found.group(1)
            break
    if endpoint is None:
        sys.exit(f"curve: the coordinator ended with {coordinator.wait()}")
    members = [
        start("server", "--coordinator", endpoint, "--listen", "tcp://127.0.0.1:*",
              "--home", str(scratch / "home")),
        start("worker", "--coordinator", endpoint, "--threads", "1"),
    ]
    # The coordinator says each epoch as it ends; the first is left out, with what has to warm up.
    seen = []
    for line in coordinator.stdout:
        found = re.match(r"epoch +(\d+) +step +(\d+) +train", line)
        if found:
            seen.append((time.monotonic(), int(found.group(2))))
    for process in (coordinator, *members):
        if process.wait() != 0:
            sys.exit(f"curve: {process.args}: exit code {process.returncode}")
    (began, first), (ended, last) = seen[0], seen[-1]
    digest = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    return (last - first) / (ended - began), digest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("ballast", nargs="?", default=str(ROOT / "build" / "release" / "ballast"))
    options = parser.parse_args()
    failed = False
    print(f"{os.cpu_count()} cores, medians of {options.rounds} rounds in turn (least to most)")
    print(f"{'':8}{'clear, steps/s':>26}{'CURVE, steps/s':>26}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        subprocess.run([options.ballast, "keys", str(scratch / "keys")], check=True,
                       stdout=subprocess.DEVNULL)
        for model in ("wide", "small"):
            rates, digests = {False: [], True: []}, set()
            for _ in range(options.rounds):
                for keys in (False, True):
                    steps = options.steps if model == "wide" else 4 * options.steps
                    rate, digest = train(options.ballast, scratch, model, steps, keys)
                    rates[keys].append(rate)
                    digests.add(digest)
            cells = []
            for keys in (False, True):
                one = sorted(rates[keys])
                cells.append(f"{statistics.median(one):.1f} ({one[0]:.1f} to {one[-1]:.1f})")
            ratio = statistics.median(rates[True]) / statistics.median(rates[False])
            print(f"{model:8}{cells[0]:>26}{cells[1]:>26}{ratio:8.2f}", flush=True)
            if len(digests) != 1:
                print(f"curve: {len(digests)} digests of one job")
            failed |= len(digests) != 1 or (model == "wide" and ratio < 0.5)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
