"""Rounds of one example: each on a cluster that the seed draws, under faults that it draws as well,
until enough processes were killed. Every round must come to what the quiet one came to."""

import collections
import random
import re
import shutil
import time

import report
from cluster import Failure
from history import Restores

LOOK_SECONDS = 0.001
NUMBER = re.compile(r"(?<!code )\b\d+\b")  # Of steps and processes: what differs between two alike.


class Rounds:
    """What is trained, and how it is compared, is for those who derive from it to say:

    go_quietly()            what every round is compared with
    begin(rng, directory, kills)
                            the cluster of a round, what is seen of it, and what strikes it
    compare(cluster, storm, history)
                            raises Failure where the round came to something else
    summary(rounds)         the line above the table
    """

    same = None  # What all rounds share, in a word or two.

    def __init__(self, arguments, example, spec, scratch):
        self.arguments = arguments
        self.example = example
        self.spec = str(spec)
        self.scratch = scratch
        self.table = report.Table()
        self.ends = collections.Counter()

    def run(self):
        self.go_quietly()
        kills, number = self.arguments.kills, 0
        while kills > 0:
            kills -= self.round(number, kills)
            number += 1
        print(f"\n{self.example}: {self.summary(number)}\n")
        print(self.table.text())
        if self.ends:
            print("\nended by themselves, and were started again:")
            for what, count in sorted(self.ends.items()):
                print(f"  {count:3} x {what}")
        print(flush=True)

    def round(self, number, kills):
        """How many were killed."""
        rng = random.Random(f"{self.arguments.seed}/{self.example}/{number}")
        directory = self.scratch / self.example.replace("/", "-") / f"run-{number}"
        cluster, history, storm = self.begin(rng, directory, kills)
        began = time.monotonic()
        try:
            self.train(cluster, storm, history, began)
            self.compare(cluster, storm, history)
        except BaseException as error:
            why = f"{error}" if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            print(report.failure(self.arguments.seed, self.example, cluster, storm, why, began))
            cluster.kill_all()
            for disk in storm.disks.values():
                disk.keep()
            raise
        ended = time.monotonic()
        self.table.add(storm, history, ended)
        for _, name, what in cluster.ends:
            what = NUMBER.sub("N", what.replace(f"{directory}/", ""))
            self.ends[f"{name.split()[0]}: {what}"] += 1
        print(f"  run {number}: {cluster.shape.text()}: {len(storm.strikes)} faults,"
              f" {self.same}, {ended - began:.1f} s", flush=True)
        for disk in storm.disks.values():
            disk.close()
        if cluster.network is not None:
            cluster.network.close()
        if not self.arguments.keep:
            shutil.rmtree(directory)
        if kills == storm.kills_left and not storm.strikes:
            raise Failure("a run ended before anything struck it; it needs more epochs")
        return kills - storm.kills_left

    def train(self, cluster, storm, history, began):
        restores = Restores(cluster.log_of(cluster.coordinator))
        while not cluster.done:
            now = time.monotonic()
            history.look(now)
            for step in restores.look():
                history.go_back(now, step)
            cluster.tick(now)
            storm.tick(now)
            last = max(began, storm.last_sign(), history.commits[-1][0] if history.commits else 0.0)
            if now - last > self.arguments.patience:
                raise Failure(f"no step for {self.arguments.patience:.0f} s after everything was mended")
            time.sleep(LOOK_SECONDS)
        history.look(time.monotonic())
        storm.quiet()
        cluster.end()
