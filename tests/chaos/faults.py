"""The faults, drawn from a seed, and what each of them cost.

`Storm` strikes one after another: mostly when the run has recovered from the one before, sometimes
in the middle of that.
"""

import heapq
import itertools
import time
from dataclasses import dataclass

from cluster import Failure

SILENCE_SECONDS = 2.0  # cluster.silence of every run: then a member is taken for lost.
HEARTBEAT_SECONDS = 0.5
MEMBERS_MAX = 5  # Of each role.
RUN_DISK = "the run"  # Where its checkpoints, its history and its model are.
NO_ROOM = "No space left on device"
FULL_SECONDS_MAX = 30.0  # That the disk stays full at the end until somebody has said so.
PAUSE_WINDOW_SECONDS = 5.0  # How far after a fault a pause is put down to it.


@dataclass
class Strike:
    kind: str
    what: str
    at: float
    until: float  # When it was over, or the process was started again.
    step: int
    redone: int = 0


class Storm:
    """Strikes until `kills` processes were killed. REQUIRES: the cluster is made."""

    def __init__(self, rng, cluster, history, kills, disks, last_step):
        self.rng = rng
        self.cluster = cluster
        self.history = history
        self.kills_left = kills
        self.disks = disks  # By name; empty without root.
        # From which step on the disk of the run is full when it ends; None: it is not.
        self._full_end = None
        self._last_step = last_step
        if RUN_DISK in disks and rng.random() < 0.7:
            self._full_end = last_step - 3 * rng.randint(10, 60)
        self.full_since = None  # How long the coordinator's log was then.
        self._full_in_time = False  # Before the last step, so that there was something to write.
        self.strikes = []
        self._undo = []  # (time, number, callable)
        self._is_over = False
        self._numbers = itertools.count()
        self._busy = set()  # Names of disks and "network", while they are broken.
        self._next_at = None
        self._seen_redone = 0
        # Sometimes while everybody is still joining.
        if rng.random() < 0.2:
            self._next_at = time.monotonic() + rng.uniform(0.0, 1.0)

    # ---- time -----------------------------------------------------------------------------------

    def tick(self, now):
        while self._undo and self._undo[0][0] <= now:
            heapq.heappop(self._undo)[2]()
        self._put_down_redone()
        if self._full_end is not None and self.history.step >= self._full_end:
            self._fill_at_the_end(now)
        elif self.full_since is None and self._is_due(now):
            self._strike(now)

    def quiet(self):
        """Ends what is still broken."""
        self._is_over = True
        while self._undo:
            heapq.heappop(self._undo)[2]()

    def last_sign(self):
        """When something last changed that the run may need time for."""
        return max((strike.until for strike in self.strikes), default=0.0)

    def _is_due(self, now):
        if self.kills_left <= 0 or self.cluster.done:
            return False
        if self._next_at is None:  # When the run goes on, and a little later.
            after = self.strikes[-1].at if self.strikes else 0.0
            if self.history.first_after(after) is None:
                return False
            self._next_at = now + self.rng.uniform(0.05, 1.2)
        return now >= self._next_at

    def _put_down_redone(self):
        for _, steps in self.history.redone[self._seen_redone :]:
            # No worker takes a run back to a checkpoint; the latest of the others did.
            others = [strike for strike in self.strikes if "worker" not in strike.kind]
            if others:
                others[-1].redone += steps
        self._seen_redone = len(self.history.redone)

    def _later(self, seconds, now, action):
        heapq.heappush(self._undo, (now + seconds, next(self._numbers), action))

    # ---- what strikes ---------------------------------------------------------------------------

    def _strike(self, now):
        names = [name for name, weight in KINDS for _ in range(weight)]
        self.rng.shuffle(names)
        for name in names:  # The first that can be had now.
            struck = getattr(self, name)(now)
            if struck is None:
                continue
            kind, what, seconds = struck
            self.strikes.append(Strike(kind, what, now, now + seconds, self.history.step))
            break
        in_the_middle = self.rng.random() < 0.25
        self._next_at = now + self.rng.uniform(0.0, 0.3) if in_the_middle else None

    def _choose(self, *roles, keep=0):
        there = self.cluster.running(*roles)
        return self.rng.choice(there) if len(there) > keep else None

    def _pause_before_start(self):
        return self.rng.choice([0.0, 0.0, self.rng.uniform(0.0, 1.0)])

    def _kill(self, slots, kind):
        if not slots:
            return None
        pause = self._pause_before_start()
        for slot in slots:
            self.cluster.kill(slot, pause)
        self.kills_left -= len(slots)
        return kind, ", ".join(slot.name for slot in slots), pause

    def kill_worker(self, now):
        return self._kill([slot] if (slot := self._choose("worker")) else [], "kill a worker")

    def kill_server(self, now):
        kind = "kill a server" + (" with a replica" if self.cluster.shape.replicas else "")
        return self._kill([slot] if (slot := self._choose("server")) else [], kind)

    def kill_coordinator(self, now):
        return self._kill(self.cluster.running("coordinator"), "kill the coordinator")

    def kill_two(self, now):
        there = self.cluster.running("coordinator", "server", "worker")
        return self._kill(self.rng.sample(there, 2), "kill two at once") if len(there) > 2 else None

    def kill_servers(self, now):
        return self._kill(self.cluster.running("server"), "kill all servers")

    def kill_everything(self, now):
        return self._kill(self.cluster.running("coordinator", "server", "worker"), "kill everything")

    def _pause(self, now, seconds, length):
        slot = self._choose("coordinator", "server", "worker")
        if slot is None or slot.is_paused:
            return None
        process = slot.process
        self.cluster.pause(slot)

        def wake():
            if slot.process is process:
                self.cluster.wake(slot)

        self._later(seconds, now, wake)
        return f"stop a {slot.role}, {length} than silence", f"{slot.name} {seconds:.1f} s", seconds

    def pause_briefly(self, now):
        return self._pause(now, self.rng.uniform(0.05, 0.6 * SILENCE_SECONDS), "shorter")

    def pause_long(self, now):
        return self._pause(now, self.rng.uniform(1.3, 2.0) * SILENCE_SECONDS, "longer")

    def _ask(self, slot, leave, kind):
        if slot is None or slot.is_paused:
            return None
        self.cluster.ask(slot, leave=leave)
        return kind, slot.name, 0.0

    def drain(self, now):
        slot = self._choose("server", "worker")
        return self._ask(slot, False, f"drain a {slot.role}") if slot else None

    def drain_coordinator(self, now):
        return self._ask(self._choose("coordinator"), False, "drain the coordinator")

    def leave(self, now):
        if not self.history.commits:  # The first plan waits for everybody who was announced.
            return None
        role = self.rng.choice(["server", "worker"])
        slot = self._choose(role, keep=1)
        return self._ask(slot, True, f"a {role} leaves")

    def join(self, now):
        role = self.rng.choice(["server", "worker"])
        if len(self.cluster.wanted(role)) >= MEMBERS_MAX or self._are_slots_used_up(role):
            return None
        slot = self.cluster.add(role)
        return f"a {role} joins", slot.name, 0.0

    def _are_slots_used_up(self, role):
        network = self.cluster.network
        return network is not None and len(self.cluster.slots) >= len(network.namespaces)

    # ---- with root ------------------------------------------------------------------------------

    def _cut(self, now, pairs, kind, what):
        if "network" in self._busy:
            return None
        network = self.cluster.network
        longer = self.rng.random() < 0.5
        seconds = SILENCE_SECONDS * (self.rng.uniform(1.3, 2) if longer else self.rng.uniform(0.1, 0.6))
        self._busy.add("network")
        for sender, receiver in pairs:
            network.cut(sender.node, receiver.node)

        def mend():
            self._busy.discard("network")
            for sender, receiver in pairs:
                network.mend(sender.node, receiver.node)

        self._later(seconds, now, mend)
        length = "longer" if longer else "shorter"
        return f"{kind}, {length} than silence", f"{what} {seconds:.1f} s", seconds

    def _both_ways(self, some, others):
        return [pair for a in some for b in others for pair in ((a, b), (b, a))]

    def partition(self, now):
        """One member or two on one side, everybody else on the other."""
        if self.cluster.shape.transport != "net":
            return None
        slots = list(self.cluster.slots)
        some = self.rng.sample(slots, self.rng.choice([1, 1, 2]))
        others = [slot for slot in slots if slot not in some]
        what = " and ".join(slot.name for slot in some)
        return self._cut(now, self._both_ways(some, others), "partition the network", what)

    def cut_pair(self, now):
        """Two that both reach everybody else, perhaps in one direction only."""
        if self.cluster.shape.transport != "net":
            return None
        a, b = self.rng.sample(list(self.cluster.slots), 2)
        both = self.rng.random() < 0.5
        pairs = [(a, b), (b, a)] if both else [(a, b)]
        kind = "cut one link" if both else "cut one direction of a link"
        return self._cut(now, pairs, kind, f"{a.name} to {b.name}")

    def full_disk(self, now):
        free = [name for name in sorted(self.disks) if name not in self._busy]
        return self._fill(now, self.rng.choice(free), self.rng.uniform(0.3, 3.0)) if free else None

    def _fill_at_the_end(self, now):
        """The last lines, the last checkpoint and the model find no room while nobody else is in
        trouble, and nothing strikes afterwards: then the coordinator has to say so."""
        if self._undo or self.cluster.done or not self.cluster.running("coordinator"):
            return
        said = len(self.cluster.log_text(self.cluster.coordinator))
        struck = self._fill(
            now, RUN_DISK, self.rng.uniform(1.0, 5.0), hold=True,
            until=lambda: self._is_over or self.cluster.done or self._has_said(said))
        if struck is None:
            return
        kind, what, seconds = struck
        self.strikes.append(
            Strike(f"{kind} at the end", what, now, now + seconds, self.history.step))
        self._full_end = None
        self.full_since = said
        # On a slow machine the run may have ended between our last look and the full disk.
        self.history.look(time.monotonic())
        self._full_in_time = self.history.step < self._last_step

    def _has_said(self, since):
        return NO_ROOM in self.cluster.log_text(self.cluster.coordinator)[since:]

    def check_said(self):
        """REQUIRES: the run has ended."""
        if not self._full_in_time:
            return
        if not self._has_said(self.full_since):
            raise Failure("the disk was full at the end, and the coordinator did not say so")

    def _fill(self, now, name, seconds, hold=False, until=None):
        """For so long, and longer while `until` is not so: a slow machine may want to write nothing
        for seconds."""
        disk = self.disks[name]
        if not disk.fill(hold):
            return None
        self._busy.add(name)

        def free_again():
            waited = time.monotonic() - now
            if until is not None and not until() and waited < seconds + FULL_SECONDS_MAX:
                self._later(0.2, time.monotonic(), free_again)
                return
            self._busy.discard(name)
            disk.free()

        self._later(seconds, now, free_again)
        return f"fill the disk of {name}", f"{seconds:.1f} s", seconds


# How often each is drawn, beside the others.
KINDS = [
    ("kill_worker", 5),
    ("kill_server", 5),
    ("kill_coordinator", 4),
    ("kill_two", 2),
    ("kill_servers", 1),
    ("kill_everything", 1),
    ("pause_briefly", 2),
    ("pause_long", 1),
    ("drain", 2),
    ("drain_coordinator", 1),
    ("leave", 2),
    ("join", 2),
    ("partition", 3),
    ("cut_pair", 2),
    ("full_disk", 3),
]
