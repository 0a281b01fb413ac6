"""Searches of many runs: a coordinator, a server and two workers of each are killed while it is under
way. The results must be those of the quiet search, and no run that has ended may be done again."""

import collections
import filecmp
import os
import pathlib
import re
import subprocess

import linux
import report
from cluster import Cluster, Failure, Shape
from faults import HEARTBEAT_SECONDS, SILENCE_SECONDS, Storm, Strike
from history import History
from rounds import Rounds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is set beside the spec.
EXAMPLES = {
    "adult/search": [],
    "digits/cv": ["search={metric: accuracy, parameters: {optimizer.learning_rate: [0.003, 0.01, 0.03]}}",
                  "training.epochs=10"],
}
CHECKPOINT_STEPS = 100
SETTINGS = [
    "training.log_every=1",
    f"checkpoint.every_steps={CHECKPOINT_STEPS}",
    f"cluster.silence={SILENCE_SECONDS}",
    f"cluster.heartbeat={HEARTBEAT_SECONDS}",
]
SAME = ["results.csv", "cv.json", "predictions.csv", "refit/model.safetensors", "refit/history.jsonl"]
REFIT = "refit"
LATER_SECONDS = 0.5  # About as long as a run takes.

ENDED = re.compile(r"(c\d+-r\d+-f\d+|refit) +(step|failed)")
ENDED_BEFORE = re.compile(r"(\d+) runs have ended before and are not done again$")


class Runs(History):
    """The commits of all runs of a job as if they were of one, and which runs have ended."""

    def __init__(self, out):
        super().__init__(out)
        self.ended = {}  # Name: what tells its record, when it was first seen, from another one.
        self._under_way = {}

    def look(self, now):
        for directory in self._directories():
            if directory.name in self.ended:
                continue
            run = self._under_way.setdefault(directory.name, History(directory / "history.jsonl"))
            record = identity(record_of(directory))
            step, commits = run.step, len(run.commits)
            run.look(now)
            self.step += run.step - step
            self.commits += run.commits[commits:]
            if record is not None:
                self.ended[directory.name] = record

    def go_back(self, now, step):
        """What one run does again is not counted: this has the steps of all of them."""

    def check(self):
        """Nothing was written in the directory of a run after its end."""
        for directory in self._directories():
            if directory.name not in self.ended:
                continue
            record = record_of(directory)
            if self.ended[directory.name] != identity(record):
                raise Failure(f"{directory.name} had ended, and {record.name} was written again")
            for path in directory.iterdir() if directory.name != REFIT else []:
                if path.stat().st_mtime_ns > record.stat().st_mtime_ns:
                    raise Failure(f"{directory.name} had ended, and {path.name} was written later")

    def _directories(self):
        try:
            names = os.listdir(self.path / "runs")
        except FileNotFoundError:
            names = []
        return [*(self.path / "runs" / name for name in names), self.path / REFIT]


def record_of(directory):
    """The file that says that a run has ended: the last one of it to be written."""
    return directory / ("model.json" if directory.name == REFIT else "rung-0.json")


def identity(path):
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def check_log(log, runs):
    """`log`: of all coordinators of a job. Each run has ended once: there is a line for it, or its
    coordinator died before it could say so, and then the next one found it."""
    said, known = set(), 0
    for line in log.splitlines():
        if before := ENDED_BEFORE.match(line):
            if int(before[1]) < known:
                raise Failure(f"{known} runs had ended, and a coordinator found {before[1]} of them")
            known = int(before[1])
        elif end := ENDED.match(line):
            if end[2] == "failed":
                raise Failure(line)
            if end[1] in said:
                raise Failure(f"{end[1]} had ended, and was done again: {line}")
            said.add(end[1])
            known += end[1] != REFIT
    if known != runs:
        raise Failure(f"expected that the coordinators tell of {runs} runs, saw {known}")


class Kills(Storm):
    """Of a coordinator, a server and two workers, in an order and at moments that are drawn: when so
    many runs have ended, and a little later, which is within others."""

    def __init__(self, rng, cluster, history, kills, runs):
        super().__init__(rng, cluster, history, kills, {}, 0)
        self.runs = runs
        self._strike_at = None
        slots = [cluster.coordinator, rng.choice(cluster.wanted("server")),
                 *rng.sample(cluster.wanted("worker"), 2)]
        rng.shuffle(slots)
        moments = sorted((rng.randint(0, runs), rng.uniform(0.0, LATER_SECONDS)) for _ in slots)
        self._due = collections.deque(list(zip(slots, moments))[:kills])

    def tick(self, now):
        if not self._due or self.cluster.done:
            return
        slot, (ended, later) = self._due[0]
        if self._strike_at is None and len(self.history.ended) >= ended:
            self._strike_at = now + later
        if self._strike_at is None or now < self._strike_at or not slot.runs():
            return
        self._due.popleft()
        self._strike_at = None
        kind = "kill the coordinator" if slot is self.cluster.coordinator else f"kill a {slot.role}"
        kind, name, pause = self._kill([slot], kind)
        what = f"{name}, when {len(self.history.ended)} of {self.runs} runs had ended"
        self.strikes.append(Strike(kind, what, now, now + pause, self.history.step))


class Search(Rounds):
    """Does a whole search in each round."""

    same = "the same results"

    def __init__(self, arguments, example, scratch):
        super().__init__(arguments, example, ROOT / "examples" / f"{example}.yaml", scratch)
        settings = [*SETTINGS, *EXAMPLES[example]]
        self.options = [word for setting in settings for word in ("--set", setting)]
        self.table = report.Table(counts_again=False)
        self.quiet = scratch / example.replace("/", "-") / "quiet"
        self.runs = 0

    def go_quietly(self):
        subprocess.run([self.arguments.ballast, "search", self.spec, "--out", str(self.quiet),
                        "--threads", "2", "--cache", str(self.scratch / "cache"), *self.options],
                       check=True, stdout=subprocess.DEVNULL,
                       preexec_fn=linux.dying_with_parent())
        self.runs = len(os.listdir(self.quiet / "runs"))
        print(f"{self.example}: {self.runs} runs", flush=True)

    def begin(self, rng, directory, kills):
        transport = rng.choice(["ipc", "tcp"])
        shape = Shape(workers=rng.randint(2, 4), servers=rng.randint(1, 3), replicas=0,
                      checkpoint_steps=CHECKPOINT_STEPS, transport=transport,
                      keys=transport != "ipc" and rng.random() < 0.5)
        cluster = Cluster(self.arguments.ballast, self.spec, self.options, directory, shape,
                          self.scratch / "cache", verb="search")
        history = Runs(cluster.out)
        return cluster, history, Kills(rng, cluster, history, kills, self.runs)

    def compare(self, cluster, storm, history):
        check_log(cluster.log_text(cluster.coordinator), self.runs)
        history.check()
        histories = sorted(self.quiet.glob("runs/*/history.jsonl"))
        for name in [*SAME, *(path.relative_to(self.quiet) for path in histories)]:
            if not filecmp.cmp(self.quiet / name, cluster.out / name, shallow=False):
                raise Failure(f"{name} is not that of the quiet search")

    def summary(self, rounds):
        return (f"{self.arguments.kills} kills in {rounds} searches of {self.runs} runs, one result;"
                " no finished run was done again")
