"""Which step was committed when, seen from outside: history.jsonl with a line for every step.

The coordinator appends a step's line as it commits it. A look every millisecond takes nothing from
training, and is as exact as the figures below are given.
"""

import os
import re

STEP = re.compile(rb'^\{"step":(\d+)', re.MULTILINE)
WENT_BACK = re.compile(rb"going on from (?:the checkpoint of step (\d+)|the beginning)")


class Restores:
    """From which checkpoints a run went on, as its coordinators say in their log."""

    def __init__(self, path):
        self._path = path
        self._offset = 0

    def look(self):
        """The steps of those since the last look; 0: from the beginning."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [int(step) if step else 0 for step in WENT_BACK.findall(whole)]


class History:
    def __init__(self, path):
        self.path = path
        self.step = 0
        self.commits = []  # (seconds, step); several in one look are one entry.
        self.redone = []  # (seconds, steps): the run went back so far.
        self._inode = None
        self._offset = 0

    def look(self, now):
        try:
            seen = os.stat(self.path)
        except FileNotFoundError:
            return
        if seen.st_ino == self._inode and seen.st_size == self._offset:
            return
        if seen.st_ino != self._inode or seen.st_size < self._offset:
            # Rewritten: a line was torn, or is another one now. It keeps those of steps done again.
            self._inode, self._offset = seen.st_ino, 0
        last = self._read_last(now)
        if last is not None and last > self.step:
            self.step = last
            self.commits.append((now, last))

    def go_back(self, now, step):
        """The run goes on from a checkpoint. Where it had been is known from its lines, so steps are
        counted once more when it goes back again before it has got there."""
        if step < self.step:
            self.redone.append((now, self.step - step))

    def _read_last(self, now):
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return None
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        steps = STEP.findall(whole)
        return int(steps[-1]) if steps else None

    def first_after(self, time):
        """Seconds from `time` to the next committed step, or None when there is none yet."""
        later = next((at for at, _ in self._from(time)), None)
        return None if later is None else later - time

    def longest_pause(self, time, until):
        """The longest time without a commit that begins between the two.

        A step whose gradients were already in may be committed right after a fault that it owes
        nothing to; the one that had to wait for others ends this pause.
        """
        longest, last = 0.0, time
        for at, _ in self._from(time):
            longest = max(longest, at - last)
            if at > until:
                break
            last = at
        return longest

    def _from(self, time):
        first = len(self.commits)
        while first > 0 and self.commits[first - 1][0] > time:
            first -= 1
        return self.commits[first:]
