"""A cluster of real processes and its supervisor, which starts again whatever ends."""

import pathlib
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

import linux

GRACE_SECONDS = 30.0  # From SIGTERM to SIGKILL, as Kubernetes has it.
BACKOFF_SECONDS = (0.1, 2.0)  # Of a process that ends by itself again and again.
FAREWELL_SECONDS = 3.0
TAIL_LINES = 20
DONE = "exited with code 0"


class Failure(Exception):
    """What a run must not do: the digest differs, it hangs, a process crashes."""


@dataclass
class Shape:
    """What a round trains on; drawn from the seed."""

    workers: int
    servers: int
    replicas: int
    checkpoint_steps: int
    transport: str  # ipc, tcp, or net: tcp between namespaces
    keys: bool

    def text(self):
        return (
            f"{self.workers} workers, {self.servers} servers, {self.replicas} replicas, a checkpoint"
            f" every {self.checkpoint_steps} steps, {self.transport}{' with keys' if self.keys else ''}"
        )


@dataclass
class Slot:
    """A place for a process. Its processes come and go; its name, home and address stay."""

    role: str
    number: int
    node: int  # In the network.
    home: pathlib.Path = None
    process: subprocess.Popen = None
    wanted: bool = True
    is_paused: bool = False
    killed: bool = False  # By us: no death to wonder about.
    asked: float = None  # When it was sent SIGTERM.
    start_at: float = 0.0
    started: float = 0.0
    failures: int = 0

    @property
    def name(self):
        return self.role if self.role == "coordinator" else f"{self.role} {self.number}"

    def runs(self):
        return self.process is not None


@dataclass
class Cluster:
    ballast: str
    spec: str
    options: list  # --set ... of the run.
    directory: pathlib.Path
    shape: Shape
    cache: pathlib.Path
    network: linux.Network = None
    verb: str = "coordinator"  # Or search: what begins as a coordinator of this cluster.
    slots: list = field(default_factory=list)
    ends: list = field(default_factory=list)  # (seconds, name, what) of processes on their own.
    done: bool = False

    def __post_init__(self):
        self.out = self.directory / "run"
        self.logs = self.directory / "logs"
        self.logs.mkdir(parents=True)
        self.endpoint = self._coordinator_endpoint()
        if self.shape.keys:
            subprocess.run([self.ballast, "keys", str(self.directory / "keys")], check=True,
                           stdout=subprocess.DEVNULL)
        self.coordinator = Slot("coordinator", 0, 0)
        self.slots.append(self.coordinator)
        for _ in range(self.shape.servers):
            self.add("server")
        for _ in range(self.shape.workers):
            self.add("worker")

    def _coordinator_endpoint(self):
        if self.shape.transport == "ipc":
            return f"ipc://{self.directory}/coordinator"
        if self.shape.transport == "net":
            return f"tcp://{self.network.address(0)}:7700"
        return f"tcp://127.0.0.1:{free_port()}"

    def add(self, role):
        number = sum(slot.role == role for slot in self.slots)
        home = self.directory / f"home-{number}" if role == "server" else None
        slot = Slot(role, number, len(self.slots), home, start_at=time.monotonic())
        self.slots.append(slot)
        return slot

    # ---- processes ----------------------------------------------------------------------------

    def _command(self, slot):
        common = ["--log-level", "info"]
        if self.shape.keys:
            common += ["--keys", str(self.directory / "keys")]
        elif self.shape.transport == "net":
            common += ["--insecure"]
        if slot.role == "coordinator":
            return [self.ballast, *self._coordinator_words(), "--listen", self.endpoint, *common]
        words = [self.ballast, slot.role, "--coordinator", self.endpoint, "--wait", "0", *common]
        if slot.role == "server":
            words += ["--home", str(slot.home), "--listen", self._server_endpoint(slot)]
        return words

    def _coordinator_words(self):
        counts = {"worker": self.shape.workers, "server": self.shape.servers}
        words = [self.verb, self.spec, "--out", str(self.out), *self.options]
        if (self.out / "job.json").exists():
            # It goes on with whoever is there first; the others join a running cluster. The numbers
            # of the start would be waited for, and who has left meanwhile does not come.
            words, counts = ["resume", str(self.out)], {"worker": 1, "server": 1}
        return [*words, "--cache", str(self.cache), "--workers", str(counts["worker"]),
                "--servers", str(counts["server"])]

    def _server_endpoint(self, slot):
        if self.shape.transport == "ipc":
            return f"ipc://{self.directory}/server-{slot.number}"
        host = self.network.address(slot.node) if self.shape.transport == "net" else "127.0.0.1"
        return f"tcp://{host}:*"

    def start(self, slot):
        namespace = self.network.namespaces[slot.node] if self.shape.transport == "net" else None
        with open(self.log_of(slot), "ab") as log:
            slot.process = subprocess.Popen(
                self._command(slot),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=linux.dying_with_parent(namespace),
            )
        slot.started = time.monotonic()
        slot.asked = None
        slot.killed = slot.is_paused = False

    def log_of(self, slot):
        return self.logs / f"{slot.name.replace(' ', '-')}.log"

    # ---- what faults do -----------------------------------------------------------------------

    def wanted(self, role):
        return [slot for slot in self.slots if slot.role == role and slot.wanted]

    def running(self, *roles):
        return [slot for slot in self.slots
                if slot.runs() and slot.wanted and slot.asked is None and slot.role in roles]

    def kill(self, slot, pause=0.0):
        """SIGKILL; started again `pause` seconds later."""
        slot.killed = True
        slot.process.kill()
        slot.process.wait()
        slot.process = None
        slot.start_at = time.monotonic() + pause

    def ask(self, slot, leave=False):
        """SIGTERM; started again when it has ended, unless it leaves for good."""
        slot.asked = time.monotonic()
        slot.wanted = not leave
        slot.process.send_signal(signal.SIGTERM)

    def pause(self, slot):
        slot.is_paused = True
        slot.process.send_signal(signal.SIGSTOP)

    def wake(self, slot):
        if slot.runs() and slot.is_paused:
            slot.is_paused = False
            slot.process.send_signal(signal.SIGCONT)

    # ---- supervision --------------------------------------------------------------------------

    def tick(self, now):
        for slot in self.slots:
            if slot.runs() and slot.process.poll() is not None:
                self._on_exit(slot, slot.process.returncode, now)
            if slot.runs() and slot.asked is not None and now - slot.asked > GRACE_SECONDS:
                self._note(now, slot, f"had to be killed {GRACE_SECONDS:.0f} s after SIGTERM")
                self.kill(slot)
            if not slot.runs() and slot.wanted and not self.done and slot.start_at <= now:
                self.start(slot)

    def _on_exit(self, slot, code, now):
        slot.process = None
        # SIGTERM is one of ours where it came before the process could listen for it.
        ours = slot.killed or (code == -signal.SIGTERM and slot.asked is not None)
        if code < 0 and not ours:
            raise Failure(f"{slot.name} died of {signal.Signals(-code).name}, which nobody sent")
        if slot.role == "coordinator" and code == 0:
            self.done = True
            # Members hear that the run is over before the coordinator has ended.
            self.ends = [end for end in self.ends
                         if not (end[0] > now - FAREWELL_SECONDS and end[2].startswith(DONE))]
            return
        if self.done:
            return
        if slot.asked is None:
            last = self.tail(slot, 1)
            self._note(now, slot, f"exited with code {code}: {last[0] if last else ''}")
        slot.failures = slot.failures + 1 if now - slot.started < 5.0 else 0
        first, longest = BACKOFF_SECONDS
        slot.start_at = now + min(first * 2**slot.failures, longest)

    def _note(self, now, slot, what):
        self.ends.append((now, slot.name, what))

    def log_text(self, slot):
        try:
            return self.log_of(slot).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self, slot, lines=TAIL_LINES):
        return [line for line in self.log_text(slot).splitlines() if line.strip()][-lines:]

    def end(self):
        """After the run: whoever has not heard that it is over is asked to go, and must."""
        asked_at = time.monotonic() + 3.0
        deadline = asked_at + GRACE_SECONDS
        for slot in self.slots:
            self.wake(slot)
        while any(slot.runs() for slot in self.slots):
            now = time.monotonic()
            self.tick(now)
            for slot in self.slots:
                if now >= asked_at and slot.runs() and slot.asked is None:
                    self.ask(slot)
            if now >= deadline:
                late = [slot.name for slot in self.slots if slot.runs()]
                raise Failure(f"{', '.join(late)} did not end after the run and SIGTERM")
            time.sleep(0.005)

    def kill_all(self):
        for slot in self.slots:
            if slot.runs():
                self.kill(slot)


def free_port():
    """Below the range that outgoing connections take theirs from, so that nobody gets it meanwhile."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
