"""How long a run stands still when one process is killed, or stands still itself: one at a time,
quiet in between."""

import statistics
import time

import report
from cluster import Cluster, Shape
from history import History

CALM_SECONDS = 1.0  # Commits without a pause before the next kill.
PAUSE_SECONDS = 0.1  # What is a pause then.
WINDOW_SECONDS = 1.5  # How long after a kill commits are watched, at least.
DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.0005

# Name, what is done, role, replicas, seconds until it is started again or goes on, target for the
# median of the pause. A server or worker comes back only when those who stay have gone on without
# it, so that its return is a row of its own.
CASES = [
    ("kill a server with a replica", "kill", "server", 1, 1.0, 0.5),
    ("kill a worker", "kill", "worker", 1, 1.0, 0.3),
    ("kill the coordinator", "kill", "coordinator", 1, 0.0, 1.0),
    ("kill a server without a replica", "kill", "server", 0, 0.0, None),
    ("a worker stands still (SIGSTOP)", "pause", "worker", 1, 1.0, None),
]


class Watched:
    def __init__(self, cluster, history):
        self.cluster = cluster
        self.history = history

    def watch(self, seconds):
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self.history.look(now)
            self.cluster.tick(now)
            time.sleep(LOOK_SECONDS)

    def until_calm(self):
        """Everybody runs, and for a while no pause was seen."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            self.watch(CALM_SECONDS)
            times = [began] + [at for at, _ in self.history.commits if at > began]
            pauses = [later - at for at, later in zip(times, [*times[1:], time.monotonic()])]
            if max(pauses) < PAUSE_SECONDS and all(slot.runs() for slot in self.cluster.slots):
                return
        raise RuntimeError(f"no calm second within {DEADLINE_SECONDS:.0f} s")


def measure(arguments, scratch):
    example = (arguments.examples or ["adult/mlp"])[0]
    kills = f"{arguments.kills} kills of each, one at a time"
    print(f"{example}: 2 workers and 3 servers over tcp, {kills}\n")
    header = f"{'':34}{'next step: median':>18}{'worst':>10}"
    header += f"{'longest pause: median':>25}{'worst':>10}{'target':>10}"
    print(header, flush=True)
    for number, case in enumerate(CASES):
        measure_case(arguments, example, scratch / f"{number}", case)


def measure_case(arguments, example, directory, case):
    name, action, role, replicas, away, target = case
    # Going back to a checkpoint is seen from outside once the steps since then have come again.
    shape = Shape(2, 3, replicas, 1000 if replicas else 50, "tcp", False)
    options = {
        "training.epochs": 100_000,  # Ended by us.
        "training.log_every": 1,
        "cluster.replicas": replicas,
        "checkpoint.every_steps": shape.checkpoint_steps,
    }
    words = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    cluster = Cluster(arguments.ballast, f"examples/{example}.yaml", words, directory, shape,
                      directory.parent / "cache")
    history = History(cluster.out / "history.jsonl")
    watched = Watched(cluster, history)
    kills, returns = [], []
    try:
        for turn in range(arguments.kills):
            watched.until_calm()
            there = cluster.running(role)
            slot = there[turn % len(there)]
            at = time.monotonic()
            if action == "kill":
                cluster.kill(slot, away)
            else:
                cluster.pause(slot)
            watched.watch(away)
            if away > 0.0:
                kills.append(cost(history, at, at + away))
                at += away
            if action == "pause":
                at = time.monotonic()
                cluster.wake(slot)
            watched.watch(WINDOW_SECONDS)
            (returns if away > 0.0 else kills).append(cost(history, at, at + WINDOW_SECONDS))
    finally:
        cluster.kill_all()
    print(row(name, kills, target), flush=True)
    if returns:
        print(row("  and its return", returns, None), flush=True)


def cost(history, at, until):
    first = history.first_after(at)
    if first is None:
        raise RuntimeError("no step was committed after the kill")
    return first, history.longest_pause(at, max(until, at + first))


def row(name, costs, target):
    text = f"{name:34}"
    for index, width in ((0, 18), (1, 25)):
        times = [cost[index] for cost in costs]
        text += f"{report.milliseconds(statistics.median(times)):>{width}}"
        text += f"{report.milliseconds(max(times)):>10}"
    return text + f"{report.milliseconds(target) if target else '-':>10}"
