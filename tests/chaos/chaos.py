#!/usr/bin/env python3
"""Trains examples on clusters of real processes while faults strike, and compares the bits.

scripts/dev/chaos.sh has the manual: `./dev chaos --help`.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import latency
import linux
import report
from cluster import Cluster, Failure, Shape
from faults import HEARTBEAT_SECONDS, MEMBERS_MAX, RUN_DISK, SILENCE_SECONDS, Storm
from history import History

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Epochs: long enough for several faults in a round. Disk: bytes of the store and of each home.
EXAMPLES = {
    "digits/mlp": {"epochs": 150, "disk": 64 << 20},
    "adult/logistic": {"epochs": 40, "disk": 64 << 20},
    "adult/mlp": {"epochs": 25, "disk": 64 << 20},
    "fashion-mnist/mlp": {"epochs": 3, "disk": 512 << 20},
    "imdb/embedding_bag": {"epochs": 2, "disk": 2048 << 20},
}
LOOK_SECONDS = 0.001
NUMBER = re.compile(r"(?<!code )\b\d+\b")  # Of steps and processes: what differs between two alike.


def parse_arguments():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--no-root", action="store_true")
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--ballast", default=str(ROOT / "build" / "release" / "ballast"))
    parser.add_argument("examples", nargs="*")
    arguments = parser.parse_args()
    for example in arguments.examples:
        if example not in EXAMPLES:
            parser.error(f"expected one of {', '.join(EXAMPLES)}, saw '{example}'")
    if arguments.kills is None:
        arguments.kills = 20 if arguments.latency else 50
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(1, 1_000_000)
    return arguments


def draw_shape(rng, has_root, steps):
    servers = rng.randint(1, 4)
    transport = rng.choice(["ipc", "tcp"] + ["net"] * 2 * has_root)
    return Shape(
        workers=rng.randint(1, 4),
        servers=servers,
        replicas=rng.randint(0, min(2, servers - 1)),
        checkpoint_steps=max(1, steps // rng.choice([10, 20, 50])),
        transport=transport,
        keys=transport != "ipc" and rng.random() < 0.5,
    )


class Chaos:
    """The rounds of one example: each draws a cluster, trains on it and compares."""

    def __init__(self, arguments, example, why_no_root, scratch):
        self.arguments = arguments
        self.example = example
        self.has_root = not why_no_root
        self.scratch = scratch
        self.spec = str(ROOT / "examples" / f"{example}.yaml")
        self.options = ["--set", f"training.epochs={EXAMPLES[example]['epochs']}"]
        self.options += ["--set", "training.log_every=1"]
        self.options += ["--set", f"cluster.silence={SILENCE_SECONDS}"]
        self.options += ["--set", f"cluster.heartbeat={HEARTBEAT_SECONDS}"]
        self.table = report.Table()
        self.ends = collections.Counter()
        self.digest = None
        self.history = None
        self.steps = 0

    def run(self):
        self.train_quietly()
        kills, number = self.arguments.kills, 0
        while kills > 0:
            kills -= self.round(number, kills)
            number += 1
        print(f"\n{self.example}: {self.arguments.kills} kills in {number} runs, one digest\n")
        print(self.table.text())
        if self.ends:
            print("\nended by themselves, and were started again:")
            for what, count in sorted(self.ends.items()):
                print(f"  {count:3} x {what}")
        print(flush=True)

    def train_quietly(self):
        out = self.scratch / "quiet"
        subprocess.run([self.arguments.ballast, "train", self.spec, "--out", str(out),
                        "--cache", str(self.scratch / "cache"), *self.options],
                       check=True, stdout=subprocess.DEVNULL,
                       preexec_fn=linux.dying_with_parent())
        self.digest = digest_of(out)
        self.history = (out / "history.jsonl").read_bytes()
        watch = History(out / "history.jsonl")
        watch.look(0.0)
        self.steps = watch.step
        print(f"{self.example}: {self.steps} steps, digest {self.digest}", flush=True)
        shutil.rmtree(out)

    def round(self, number, kills):
        """How many were killed."""
        rng = random.Random(f"{self.arguments.seed}/{self.example}/{number}")
        shape = draw_shape(rng, self.has_root, self.steps)
        directory = self.scratch / self.example.replace("/", "-") / f"run-{number}"
        network = linux.Network(1 + 3 * MEMBERS_MAX) if shape.transport == "net" else None
        options = [*self.options, "--set", f"cluster.replicas={shape.replicas}",
                   "--set", f"checkpoint.every_steps={shape.checkpoint_steps}"]
        cluster = Cluster(self.arguments.ballast, self.spec, options, directory, shape,
                          self.scratch / "cache", network)
        disks = self.mount_disks(cluster, rng)
        history = History(cluster.out / "history.jsonl")
        began = time.monotonic()
        storm = Storm(rng, cluster, history, kills, disks, self.steps)
        try:
            self.train(cluster, storm, history, began)
            storm.check_said()
            self.compare(cluster)
        except BaseException as error:
            why = f"{error}" if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            print(report.failure(self.arguments.seed, self.example, cluster, storm, why, began))
            cluster.kill_all()
            for disk in disks.values():
                disk.keep()
            raise
        ended = time.monotonic()
        self.table.add(storm, history, ended)
        for _, name, what in cluster.ends:
            what = NUMBER.sub("N", what.replace(f"{directory}/", ""))
            self.ends[f"{name.split()[0]}: {what}"] += 1
        print(f"  run {number}: {shape.text()}: {len(storm.strikes)} faults, the same digest,"
              f" {ended - began:.1f} s", flush=True)
        for disk in disks.values():
            disk.close()
        if network is not None:
            network.close()
        if not self.arguments.keep:
            shutil.rmtree(directory)
        if kills == storm.kills_left and not storm.strikes:
            raise Failure("a run ended before anything struck it; it needs more epochs")
        return kills - storm.kills_left

    def mount_disks(self, cluster, rng):
        if not self.has_root:
            return {}
        size = EXAMPLES[self.example]["disk"]
        if rng.random() < 0.5:
            disks = {RUN_DISK: linux.Disk(cluster.out, size)}
        else:
            disks = {"the checkpoints": linux.Disk(cluster.out / "checkpoints", size)}
        for slot in cluster.wanted("server"):
            disks["a server"] = linux.Disk(slot.home, size)
            break
        return disks

    def train(self, cluster, storm, history, began):
        while not cluster.done:
            now = time.monotonic()
            history.look(now)
            cluster.tick(now)
            storm.tick(now)
            last = max(began, storm.last_sign(), history.commits[-1][0] if history.commits else 0.0)
            if now - last > self.arguments.patience:
                raise Failure(f"no step for {self.arguments.patience:.0f} s after everything was mended")
            time.sleep(LOOK_SECONDS)
        history.look(time.monotonic())
        storm.quiet()
        cluster.end()

    def compare(self, cluster):
        seen = digest_of(cluster.out)
        if seen != self.digest:
            raise Failure(f"expected digest {self.digest}, saw {seen}")
        if (cluster.out / "history.jsonl").read_bytes() != self.history:
            raise Failure("the digest is right, but history.jsonl is not that of the quiet run")


def digest_of(out):
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def raise_interrupt(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, raise_interrupt)
    why_no_root = "--no-root was given" if arguments.no_root else linux.own_world()
    print(f"seed {arguments.seed}")
    if why_no_root and not arguments.latency:
        print(f"without network partitions and full disks: {why_no_root}")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="ballast-chaos-"))
    try:
        if arguments.latency:
            latency.measure(arguments, scratch)
        else:
            for example in arguments.examples or list(EXAMPLES):
                Chaos(arguments, example, why_no_root, scratch).run()
    except (Failure, KeyboardInterrupt):
        sys.exit(1)  # Told already, with the directory that is kept.
    if not arguments.keep:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
