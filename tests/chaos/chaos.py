#!/usr/bin/env python3
"""Trains and searches on clusters of real processes while faults strike, and compares the bits.

scripts/dev/chaos.sh has the manual: `./dev chaos --help`.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

import latency
import linux
import search
from cluster import Cluster, Failure, Shape
from faults import HEARTBEAT_SECONDS, MEMBERS_MAX, RUN_DISK, SILENCE_SECONDS, Storm
from history import History
from rounds import Rounds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Epochs: long enough for several faults in a round. Disk: bytes of the store and of each home.
EXAMPLES = {
    "digits/mlp": {"epochs": 150, "disk": 64 << 20},
    "adult/logistic": {"epochs": 40, "disk": 64 << 20},
    "adult/mlp": {"epochs": 25, "disk": 64 << 20},
    "fashion-mnist/mlp": {"epochs": 3, "disk": 512 << 20},
    "imdb/embedding_bag": {"epochs": 2, "disk": 2048 << 20},
}


def parse_arguments():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--no-root", action="store_true")
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--ballast", default=str(ROOT / "build" / "release" / "ballast"))
    parser.add_argument("examples", nargs="*")
    arguments = parser.parse_args()
    known = list(search.EXAMPLES if arguments.search else EXAMPLES)
    for example in arguments.examples:
        if example not in known:
            parser.error(f"expected one of {', '.join(known)}, saw '{example}'")
    if arguments.kills is None:
        arguments.kills = 20 if arguments.latency or arguments.search else 50
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


class Chaos(Rounds):
    """Trains a model in each round."""

    same = "the same digest"

    def __init__(self, arguments, example, why_no_root, scratch):
        super().__init__(arguments, example, ROOT / "examples" / f"{example}.yaml", scratch)
        self.has_root = not why_no_root
        self.options = ["--set", f"training.epochs={EXAMPLES[example]['epochs']}"]
        self.options += ["--set", "training.log_every=1"]
        self.options += ["--set", f"cluster.silence={SILENCE_SECONDS}"]
        self.options += ["--set", f"cluster.heartbeat={HEARTBEAT_SECONDS}"]
        self.digest = None
        self.history = None
        self.steps = 0

    def go_quietly(self):
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

    def begin(self, rng, directory, kills):
        shape = draw_shape(rng, self.has_root, self.steps)
        network = linux.Network(1 + 3 * MEMBERS_MAX) if shape.transport == "net" else None
        options = [*self.options, "--set", f"cluster.replicas={shape.replicas}",
                   "--set", f"checkpoint.every_steps={shape.checkpoint_steps}"]
        cluster = Cluster(self.arguments.ballast, self.spec, options, directory, shape,
                          self.scratch / "cache", network)
        disks = self.mount_disks(cluster, rng)
        history = History(cluster.out / "history.jsonl")
        return cluster, history, Storm(rng, cluster, history, kills, disks, self.steps)

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

    def compare(self, cluster, storm, history):
        storm.check_said()
        seen = digest_of(cluster.out)
        if seen != self.digest:
            raise Failure(f"expected digest {self.digest}, saw {seen}")
        if (cluster.out / "history.jsonl").read_bytes() != self.history:
            raise Failure("the digest is right, but history.jsonl is not that of the quiet run")

    def summary(self, rounds):
        return f"{self.arguments.kills} kills in {rounds} runs, one digest"


def digest_of(out):
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def raise_interrupt(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, raise_interrupt)
    why_no_root = "--no-root was given" if arguments.no_root else linux.own_world()
    print(f"seed {arguments.seed}")
    if why_no_root and not (arguments.latency or arguments.search):
        print(f"without network partitions and full disks: {why_no_root}")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="ballast-chaos-"))
    try:
        if arguments.latency:
            latency.measure(arguments, scratch)
        elif arguments.search:
            for example in arguments.examples or ["adult/search"]:
                search.Search(arguments, example, scratch).run()
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
