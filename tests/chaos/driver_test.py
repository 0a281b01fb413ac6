#!/usr/bin/env python3
"""The driver itself: it sees commits and rollbacks, and tells a bad run from a good one.

Usage: tests/chaos/driver_test.py BALLAST
"""

import errno
import multiprocessing
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

import linux
from cluster import Cluster, Failure, Shape
from faults import RUN_DISK, Storm
from history import History, Restores
from search import Runs, check_log

BALLAST = sys.argv.pop(1)
HERE = pathlib.Path(__file__).resolve().parent
DEADLINE_SECONDS = 60.0


def until(condition, what):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: {what}")
        time.sleep(0.005)


def line(step):
    return f'{{"step":{step},"epoch":1,"loss":0.5}}\n'


class HistoryTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name) / "history.jsonl"
        self.history = History(self.path)

    def append(self, text, now):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text)
        self.history.look(now)

    def replace(self, text, now):
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.rename(self.path)
        self.history.look(now)

    def test_commits_are_seen_when_their_line_is_whole(self):
        self.history.look(0.5)
        self.append(line(1) + line(2), 1.0)
        self.append(line(3)[:9], 2.0)
        self.append(line(3)[9:], 3.0)
        self.append('{"epoch":1,"step":3}\n', 4.0)
        self.assertEqual(self.history.commits, [(1.0, 2), (3.0, 3)])

    def test_a_rollback_counts_the_steps_that_are_done_again(self):
        lines = "".join(line(step) for step in range(1, 10))
        self.append(lines, 1.0)
        self.history.go_back(2.0, 9)
        self.history.go_back(3.0, 2)
        self.replace(lines, 4.0)
        self.append(line(10), 5.0)
        self.assertEqual(self.history.redone, [(3.0, 7)])
        self.assertEqual(self.history.commits, [(1.0, 9), (5.0, 10)])

    def test_restores_are_seen_when_their_line_is_whole(self):
        path = self.path.with_name("coordinator.log")
        restores = Restores(path)
        self.assertEqual(restores.look(), [])
        with open(path, "w", encoding="utf-8") as log:
            for text, seen in (
                ("12:00 [info] coordinator: going on from the checkpoint of step 23", []),
                ("2\ngoing on from version 300, which the servers hold\n", [232]),
                ("going on from the beginning, since there is no checkpoint yet\n", [0]),
            ):
                log.write(text)
                log.flush()
                self.assertEqual(restores.look(), seen)

    def test_pauses(self):
        for now, step in ((1.0, 1), (1.1, 2), (1.2, 3), (3.0, 4), (3.1, 5), (9.0, 6)):
            self.append(line(step), now)
        self.assertAlmostEqual(self.history.first_after(1.15), 0.05)
        self.assertIsNone(self.history.first_after(9.0))
        self.assertAlmostEqual(self.history.longest_pause(1.15, 3.05), 1.8)
        self.assertAlmostEqual(self.history.longest_pause(3.0, 5.0), 5.9)


class RunsTest(unittest.TestCase):
    """What is seen of a search: two runs, and the refit."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.out = pathlib.Path(directory.name)
        self.runs = Runs(self.out)

    def write(self, name, text):
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.with_suffix(".new")
        other.write_text(text)
        other.rename(path)

    def test_commits_of_all_runs_and_their_ends_are_seen(self):
        self.runs.look(0.5)
        self.write("runs/c000-r0-f0/history.jsonl", line(1))
        self.write("runs/c000-r0-f1/history.jsonl", line(1) + line(2))
        self.runs.look(1.0)
        self.write("runs/c000-r0-f0/history.jsonl", line(1) + line(2))
        self.write("runs/c000-r0-f0/rung-0.json", "{}")
        self.runs.look(2.0)
        self.write("refit/history.jsonl", line(1))
        self.write("refit/model.json", "{}")
        self.runs.look(3.0)
        self.assertEqual([at for at, _ in self.runs.commits], [1.0, 1.0, 2.0, 3.0])
        self.assertEqual(self.runs.step, 5)
        self.assertEqual(set(self.runs.ended), {"c000-r0-f0", "refit"})
        self.runs.check()

    def test_what_is_written_after_the_end_of_a_run_is_a_failure(self):
        for later in ("rung-0.json", "history.jsonl"):
            with self.subTest(later):
                self.write("runs/c000-r0-f0/history.jsonl", line(1))
                self.write("runs/c000-r0-f0/rung-0.json", "{}")
                self.runs = Runs(self.out)
                self.runs.look(1.0)
                self.write(f"runs/c000-r0-f0/{later}", line(2))
                second = time.time_ns() + 1_000_000_000
                os.utime(self.out / "runs" / "c000-r0-f0" / later, ns=(second, second))
                with self.assertRaisesRegex(Failure, f"c000-r0-f0 had ended, and {later} was written"):
                    self.runs.check()

    def test_the_log_tells_of_each_end_once(self):
        first, second = ("c000-r0-f0   step    510  roc_auc 0.9", "c000-r0-f1   step    510  roc_auc 0.9")
        one_before = "1 runs have ended before and are not done again"
        two_before = "2 runs have ended before and are not done again"
        refit = "refit        step    640  trained on all examples"
        check_log("\n".join([first, one_before, second, refit]), 2)
        check_log("\n".join([first, two_before, refit, two_before]), 2)  # It died before it said so.
        for why, lines in {
            "c000-r0-f0 had ended, and was done again": [first, one_before, first],
            "refit had ended, and was done again": [first, second, refit, two_before, refit],
            "2 runs had ended, and a coordinator found 1": [first, second, one_before, refit],
            "tell of 2 runs, saw 1": [first, one_before, refit],
            "c000-r0-f1 .*failed: the machine": [first, "c000-r0-f1   failed: the machine"],
        }.items():
            with self.subTest(why), self.assertRaisesRegex(Failure, why):
                check_log("\n".join(lines), 2)


class ClusterTest(unittest.TestCase):
    """The supervisor, on a program that stands for ballast."""

    def cluster(self, script):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        program = pathlib.Path(directory.name) / "program"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        shape = Shape(1, 1, 0, 10, "ipc", False)
        cluster = Cluster(str(program), "spec", [], pathlib.Path(directory.name) / "cluster", shape,
                          pathlib.Path(directory.name))
        self.addCleanup(cluster.kill_all)
        return cluster

    def tick_until(self, cluster, condition, what):
        def ticked():
            cluster.tick(time.monotonic())
            return condition()

        until(ticked, what)

    def test_what_ends_is_started_again_and_told_of(self):
        cluster = self.cluster('[ "$1" != worker ] || { echo no luck; exit 3; }; exec sleep 1000')
        self.tick_until(cluster, lambda: len(cluster.ends) >= 2, "the worker ends twice")
        self.assertEqual(cluster.ends[0][1:], ("worker 0", "exited with code 3: no luck"))

    def test_a_crash_is_a_failure(self):
        cluster = self.cluster('[ "$1" != server ] || kill -ABRT $$; exec sleep 1000')
        with self.assertRaisesRegex(Failure, "server 0 died of SIGABRT"):
            self.tick_until(cluster, lambda: False, "the server crashes")

    def test_our_own_kill_is_none(self):
        cluster = self.cluster("exec sleep 1000")
        self.tick_until(cluster, lambda: len(cluster.running("worker")) == 1, "the worker runs")
        worker = cluster.running("worker")[0]
        first = worker.process.pid
        cluster.kill(worker)
        self.tick_until(cluster, lambda: worker.runs() and worker.process.pid != first, "it is back")
        self.assertEqual(cluster.ends, [])


def room_on_a_full_disk(directory, answers):
    """In a process of its own, since the world becomes its own: why not, or what could be written."""
    if why_no_root := linux.own_world():
        answers.send(why_no_root)
        return
    disk = linux.Disk(pathlib.Path(directory) / "disk", 1 << 20)
    old = disk.path / "checkpoints" / "old"
    old.parent.mkdir()
    old.write_bytes(bytes(64 << 10))
    disk.fill(hold=True)
    old.unlink()
    written = [fits(disk.path / "new", 8 << 10)]
    disk.free()
    written.append(fits(disk.path / "new", 512 << 10))
    answers.send(written)
    disk.close()


def fits(path, size):
    try:
        path.write_bytes(bytes(size))
        return True
    except OSError as error:
        return error.errno


class DiskTest(unittest.TestCase):
    def test_what_is_removed_makes_no_room_on_a_full_disk(self):
        directory = tempfile.TemporaryDirectory(prefix="chaos-")
        self.addCleanup(directory.cleanup)
        ours, theirs = multiprocessing.Pipe()
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=room_on_a_full_disk, args=(directory.name, theirs))
        child.start()
        theirs.close()
        written = ours.recv()
        child.join()
        if isinstance(written, str):
            self.skipTest(written)
        self.assertEqual(written, [errno.ENOSPC, True])


class FullAtTheEndTest(unittest.TestCase):
    """A disk that is full at the end of a run, on a cluster that says nothing."""

    LAST_STEP = 200

    def storm(self, end_meanwhile):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name) / "history.jsonl"
        path.write_text(line(self.LAST_STEP - 1))
        history = History(path)
        history.look(0.0)

        def fill(hold):
            if end_meanwhile:
                with path.open("a") as file:
                    file.write(line(self.LAST_STEP))
            return True

        cluster = types.SimpleNamespace(
            done=False, coordinator="coordinator", running=lambda name: [name],
            log_text=lambda slot: "")
        disk = types.SimpleNamespace(fill=fill, free=lambda: None)
        for seed in range(100):  # Not every storm fills the disk at the end.
            storm = Storm(random.Random(seed), cluster, history, 0, {RUN_DISK: disk}, self.LAST_STEP)
            storm.tick(time.monotonic())
            if storm.full_since is not None:
                return storm
        raise AssertionError("no storm filled the disk")

    def test_silence_is_a_failure(self):
        with self.assertRaisesRegex(Failure, "did not say so"):
            self.storm(end_meanwhile=False).check_said()

    def test_a_run_that_ended_before_the_disk_was_full_had_nothing_to_say(self):
        self.storm(end_meanwhile=True).check_said()


class RunTest(unittest.TestCase):
    """The whole driver, on programs that spoil what they should not."""

    def drive(self, program, *words, example="digits/mlp"):
        return subprocess.run(
            [sys.executable, "-B", HERE / "chaos.py", "--no-root", "--seed", "7", "--kills", "1",
             "--ballast", program, *words, example],
            capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": self.scratch})

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="chaos-")
        self.addCleanup(directory.cleanup)
        self.scratch = directory.name

    def program(self, cluster_part):
        path = pathlib.Path(self.scratch) / "program"
        path.write_text(
            f'#!/bin/sh\n[ "$1" != coordinator -a "$1" != resume ] || {{ {cluster_part}; }}\n'
            f'exec "{BALLAST}" "$@"\n')
        path.chmod(0o755)
        return path

    def test_another_model_is_a_failure(self):
        program = self.program('[ "$1" = resume ] || set -- "$@" --set seed=2')
        seen = self.drive(program)
        self.assertEqual(seen.returncode, 1, seen.stderr)
        self.assertRegex(seen.stdout, "FAILED: digits/mlp, seed 7: expected digest [0-9a-f]{64}, saw")
        self.assertIn("everything is kept in", seen.stdout)

    def test_a_hang_is_a_failure(self):
        seen = self.drive(self.program("exec sleep 1000"), "--patience", "2")
        self.assertEqual(seen.returncode, 1, seen.stderr)
        self.assertIn("FAILED: digits/mlp, seed 7: no step for 2 s", seen.stdout)

    def test_a_run_that_is_done_again_is_a_failure(self):
        # With its directory: of one that has just ended, the checkpoints are being removed.
        forget = 'for record in "$2"/runs/*/rung-0.json; do rm -rf "${record%/*}"; done'
        program = self.program(f'[ "$1" != resume ] || {forget}')
        seen = self.drive(program, "--search", "--kills", "4", example="digits/cv")
        self.assertEqual(seen.returncode, 1, seen.stderr)
        self.assertRegex(seen.stdout, "FAILED: digits/cv, seed 7: c00.* had ended, and was done again")

    def test_nothing_is_left_when_the_driver_is_killed(self):
        driver = subprocess.Popen(
            [sys.executable, "-B", HERE / "chaos.py", "--no-root", "--seed", "7", "--ballast", BALLAST,
             "digits/mlp"],
            stdout=subprocess.DEVNULL, env=os.environ | {"TMPDIR": self.scratch})
        self.addCleanup(driver.wait)
        self.addCleanup(driver.kill)
        until(lambda: len(self.left()) > 2, "a cluster runs")
        driver.send_signal(signal.SIGKILL)
        until(lambda: not self.left(), "all processes are gone")

    def left(self):
        """Processes that were given a path in our scratch directory."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue  # It ended meanwhile.
            if self.scratch.encode() in words and b"chaos.py" not in words:
                found.append(process.name)
        return found


if __name__ == "__main__":
    unittest.main()
