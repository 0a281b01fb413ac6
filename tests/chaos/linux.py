"""What the faults need of Linux: processes that die with us, network namespaces, small disks.

Namespaces and disks need root. `own_world` moves this process into a network and a mount namespace of
its own first, so that nothing outside of it is touched and all of it is gone when it ends.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
HELD = ".held"  # On a full disk.


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def dying_with_parent(namespace=None):
    """What a child does before exec: it is killed when we end, however that happens."""
    parent = os.getpid()

    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(3)  # We ended before we could be watched.
        if namespace is not None:
            check(LIBC.setns(namespace, CLONE_NEWNET), "setns")

    return prepare


def run(*words, namespace=None, pass_fds=()):
    prepare = dying_with_parent(namespace)
    subprocess.run(words, check=True, preexec_fn=prepare, pass_fds=pass_fds)


def own_world():
    """Empty, or the sentence that says why there are no namespaces and disks."""
    if os.geteuid() != 0:
        return "not root"
    missing = [tool for tool in ("ip", "mount", "umount") if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    try:
        check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
        run("mount", "--make-rprivate", "/")
        run("ip", "link", "set", "lo", "up")
        Network(1).close()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no namespaces here ({error})"
    return ""


class Network:
    """Nodes, each with a namespace and an address of its own, on one bridge.

    A cut gives the other end a hardware address that nobody has: packets leave and never arrive, as
    where a cable is cut, and neither end is told. It has a direction.
    """

    def __init__(self, nodes):
        run("ip", "link", "add", "chaos", "type", "bridge")
        run("ip", "link", "set", "chaos", "up")
        self.namespaces = []
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        for node in range(nodes):
            check(LIBC.unshare(CLONE_NEWNET), "unshare")
            self.namespaces.append(os.open("/proc/self/ns/net", os.O_RDONLY))
            check(LIBC.setns(home, CLONE_NEWNET), "setns")
            self._plug_in(node)
        os.close(home)
        self.cuts = set()

    def _plug_in(self, node):
        inside = self.namespaces[node]
        run("ip", "link", "add", f"node{node}", "type", "veth", "peer", "name", "eth0")
        run("ip", "link", "set", "eth0", "netns", f"/proc/self/fd/{inside}", pass_fds=[inside])
        run("ip", "link", "set", f"node{node}", "master", "chaos", "up")
        address = self.address(node)
        run("ip", "address", "add", f"{address}/24", "dev", "eth0", namespace=inside)
        run("ip", "link", "set", "lo", "up", namespace=inside)
        run("ip", "link", "set", "eth0", "up", namespace=inside)

    def address(self, node):
        return f"10.77.0.{node + 1}"

    def cut(self, sender, receiver):
        if (sender, receiver) in self.cuts:
            return
        self.cuts.add((sender, receiver))
        neighbour = ("dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", "permanent")
        run("ip", "neigh", "replace", self.address(receiver), *neighbour,
            namespace=self.namespaces[sender])

    def mend(self, sender, receiver):
        if (sender, receiver) not in self.cuts:
            return
        self.cuts.remove((sender, receiver))
        run("ip", "neigh", "delete", self.address(receiver), "dev", "eth0",
            namespace=self.namespaces[sender])

    def close(self):
        for namespace in self.namespaces:
            os.close(namespace)  # The links go with the last process inside.
        run("ip", "link", "delete", "chaos")
        for node in range(len(self.namespaces)):
            subprocess.run(["ip", "link", "delete", f"node{node}"], stderr=subprocess.DEVNULL)


class Disk:
    """A small disk mounted at a directory. Full, it has not a byte more than what is on it."""

    def __init__(self, path, size):
        self.path = pathlib.Path(path)
        self.size = size
        self.path.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", str(self.path))

    def fill(self, hold=False):
        """hold: files that are removed meanwhile make no room, as old checkpoints would."""
        # Whoever writes meanwhile may need more than we saw; the kernel refuses to cut that off.
        for _ in range(100):
            if hold:
                self._hold()
            seen = os.statvfs(self.path)
            used = max(1, seen.f_blocks - seen.f_bfree) * seen.f_frsize
            if self._resize(used):
                return True
        self._let_go()
        return False

    def _hold(self):
        """Another name for each file keeps its blocks, and takes none."""
        held = self.path / HELD
        held.mkdir(exist_ok=True)
        for folder, folders, names in os.walk(self.path):
            if HELD in folders:
                folders.remove(HELD)
            for name in names:
                path = pathlib.Path(folder, name)
                try:
                    os.link(path, held / str(path.stat().st_ino))
                except (FileExistsError, FileNotFoundError):
                    pass  # Held already, or gone meanwhile.

    def _let_go(self):
        shutil.rmtree(self.path / HELD, ignore_errors=True)

    def free(self):
        self._let_go()
        if not self._resize(self.size):
            raise OSError(f"{self.path}: cannot be made larger again")

    def _resize(self, size):
        words = ["mount", "-o", f"remount,size={size}", str(self.path)]
        return subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0

    def keep(self):
        """Puts what is on it where it was mounted, for people to look at; then it is gone."""
        kept = self.path.with_name(self.path.name + ".kept")
        shutil.copytree(self.path, kept, symlinks=True)
        self.close()
        self.path.rmdir()
        kept.rename(self.path)

    def close(self):
        run("umount", "--lazy", str(self.path))
