#!/usr/bin/env python3
"""What a long queue and many watchers cost a job that trains under `ballast serve`.

Usage: bench/queued_jobs.py [--jobs 10000] [--dashboards 100] [--seconds 20] [--rounds 5] [BALLAST]

One job trains on a worker and a server of this machine. In turn, for so many seconds each: nobody
looks and nothing waits; then, with the queue filled, each dashboard holds the two streams of events
that the page of a running job holds, read by a process of low priority, since readers are on other
machines. The latencies are the coordinator's own (ballast_coordinator_step_seconds), by linear
interpolation in the buckets of its histogram; the CPU is the service's, from /proc.
The machine has both, so what readers and the service compute is taken from training where there is
no idle core.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = (ROOT / "examples" / "digits" / "mlp.yaml").read_text()
OVERRIDES = [
    f"data.train={ROOT / 'examples' / 'digits' / 'digits.train.csv'}",
    f"data.test={ROOT / 'examples' / 'digits' / 'digits.test.csv'}",
    "training.epochs=10000000",
    "checkpoint.every_steps=0",
]
SUBMITTERS = 32  # Each from an address of its own: the service grants each 50 requests a second.


def wait_for_line(process, pattern):
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found.group(1)
    sys.exit(f"queued_jobs: the service ended with {process.wait()} before it said {pattern}")


class Service:
    """`ballast serve` with an agent of each role; all of it goes with the directory."""

    def __init__(self, ballast, scratch):
        listen = f"ipc://{scratch}/service"
        self.environment = {**os.environ, "BALLAST_CACHE": f"{scratch}/cache"}
        self.processes = []
        self.server = self.start(
            ballast, "serve", "--state", f"{scratch}/state", "--listen", listen,
            "--http", "127.0.0.1:0", "--jobs", "1", stdout=subprocess.PIPE,
        )
        self.address = wait_for_line(self.server, r"^http at http://(\S+)")
        # Its log is read on: nobody would take it out of the pipe, and it would wait for ever.
        threading.Thread(target=lambda: self.server.stdout.read(), daemon=True).start()
        self.start(ballast, "server", "--service", listen, "--listen", f"ipc://{scratch}/server",
                   "--home", f"{scratch}/home")
        self.start(ballast, "worker", "--service", listen)

    def start(self, *command, stdout=subprocess.DEVNULL):
        process = subprocess.Popen(
            command, stdout=stdout, stderr=subprocess.STDOUT, text=True, env=self.environment
        )
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()

    def connection(self, source=None):
        host, port = self.address.rsplit(":", 1)
        return http.client.HTTPConnection(
            host, int(port), timeout=60, source_address=source and (source, 0)
        )

    def get(self, path):
        connection = self.connection()
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        if response.status != 200:
            sys.exit(f"queued_jobs: GET {path}: {response.status} {body}")
        return body

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def submit(self, count, source):
        body = json.dumps({"spec": SPEC, "overrides": OVERRIDES})
        connection = self.connection(source)
        for _ in range(count):
            while True:
                connection.request("POST", "/api/v1/jobs", body,
                                   {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = response.read().decode()
                if response.status != 429:
                    break
                time.sleep(float(response.headers["Retry-After"]))  # As the service asks us to.
            if response.status != 201:
                sys.exit(f"queued_jobs: submitting: {response.status} {answer}")

    def steps(self):
        """The histogram so far: [(upper bound, count so far)], and the sum of seconds."""
        text = self.get("/metrics")
        name = "ballast_coordinator_step_seconds"
        buckets = [
            (float(bound.replace("+Inf", "inf")), float(count))
            for bound, count in re.findall(
                rf'^{name}_bucket{{.*le="([^"]+)".*}} (\S+)$', text, re.MULTILINE)
        ]
        total = re.findall(rf"^{name}_sum{{.*}} (\S+)$", text, re.MULTILINE)
        return buckets, float(total[0]) if total else 0.0


def quantile(share, before, after):
    counts = [(bound, count - old) for (bound, count), (_, old) in zip(after, before, strict=True)]
    wanted = share * counts[-1][1]
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return low + (min(bound, 10.0) - low) * (wanted - below) / max(count - below, 1.0)
        low, below = bound, count
    return low


def measure(service, seconds):
    buckets, total = service.steps()
    cpu, began = service.cpu_seconds(), time.monotonic()
    time.sleep(seconds)  # The window of the measurement.
    cpu, took = service.cpu_seconds() - cpu, time.monotonic() - began
    later, later_total = service.steps()
    count = later[-1][1] - buckets[-1][1]
    return {
        "steps": count / took,
        "mean": (later_total - total) / count * 1e3,
        "p50": quantile(0.5, buckets, later) * 1e3,
        "p99": quantile(0.99, buckets, later) * 1e3,
        "cpu": cpu / took * 100,
    }


def watch(address, dashboards):
    """In a child: holds the streams, says on its pipe that all are open, and reads."""
    mine, child = socket.socketpair()
    pid = os.fork()
    if pid != 0:
        child.close()
        if mine.recv(1) != b"o":
            sys.exit("queued_jobs: the watchers did not get their streams")
        return pid
    os.nice(19)
    host, port = address.rsplit(":", 1)
    selector = selectors.DefaultSelector()
    for i in range(dashboards):
        for path in ("/api/v1/events", "/api/v1/jobs/1/events"):
            source = (f"127.0.2.{i % 250 + 1}", 0)  # Requests are counted by address.
            stream = socket.create_connection((host, int(port)), source_address=source)
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            if not stream.recv(4096).startswith(b"HTTP/1.1 200"):
                os._exit(1)
            selector.register(stream, selectors.EVENT_READ)
    child.sendall(b"o")
    while True:
        for key, _ in selector.select():
            if not key.fileobj.recv(1 << 16):
                os._exit(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10000)
    parser.add_argument("--dashboards", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("ballast", nargs="?", default=str(ROOT / "build" / "release" / "ballast"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        service = Service(options.ballast, scratch)
        try:
            service.submit(1, None)
            while not service.steps()[0]:
                job = json.loads(service.get("/api/v1/jobs/1"))
                if job["state"] not in ("queued", "running"):
                    sys.exit(f"queued_jobs: the job does not run: {job}")
                time.sleep(0.2)  # Asked again, until the job's first second has been told.
            rounds = {"alone": [], "queue": [], "queue and dashboards": []}
            for _ in range(options.rounds):
                rounds["alone"].append(measure(service, options.seconds))
            began = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
                share = options.jobs // SUBMITTERS + 1
                list(pool.map(lambda i: service.submit(share, f"127.0.1.{i + 1}"),
                              range(SUBMITTERS)))
            queued = share * SUBMITTERS
            print(f"{queued} jobs queued, {queued / (time.monotonic() - began):.0f} a second")
            for _ in range(options.rounds):
                rounds["queue"].append(measure(service, options.seconds))
                watcher = watch(service.address, options.dashboards)
                rounds["queue and dashboards"].append(measure(service, options.seconds))
                if os.waitpid(watcher, os.WNOHANG) != (0, 0):
                    sys.exit("queued_jobs: the service hung up on a dashboard")
                os.kill(watcher, signal.SIGKILL)
                os.waitpid(watcher, 0)
        finally:
            service.stop()
    print(f"{os.cpu_count()} cores; {options.dashboards} dashboards; medians of {options.rounds} "
          f"rounds of {options.seconds:.0f} s (least to most)")
    print(f"{'':22}{'steps/s':>8}{'mean ms':>9}{'p50 ms':>8}{'p99 ms':>26}{'service, % of a core':>22}")
    for name, seen in rounds.items():
        middle = {key: statistics.median(one[key] for one in seen) for key in seen[0]}
        tails = sorted(one["p99"] for one in seen)
        spread = f"{middle['p99']:.2f} ({tails[0]:.2f} to {tails[-1]:.2f})"
        print(f"{name:22}{middle['steps']:8.0f}{middle['mean']:9.2f}{middle['p50']:8.2f}"
              f"{spread:>26}{middle['cpu']:22.2f}")


if __name__ == "__main__":
    main()
