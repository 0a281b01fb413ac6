#!/usr/bin/env bash
# cluster.sh up | down | kubeconfig | load ARCHIVE | kubectl ARGUMENTS... | enter COMMAND...
#
# A real Kubernetes of one node on this machine, for tests: etcd, kube-apiserver with RBAC,
# kube-controller-manager, kube-scheduler, kubelet, kube-proxy and CoreDNS, containers by containerd
# and runc. All of it lives in network, mount and process namespaces of its own: it neither sees nor
# changes the networks of the machine, and `down` leaves nothing running.
#
#   up              builds what is missing (Go 1.25 or newer, some minutes the first time), starts it,
#                   and returns when the node is ready
#   down            ends it and forgets its state; what was built stays
#   kubeconfig      prints the path of the administrator's kubeconfig
#   load ARCHIVE    gives the node an image, as `deploy/docker/build.sh --archive` writes it
#   kubectl ...     kubectl with that kubeconfig
#   enter ...       a command in the namespaces, such as ctr or crictl
#
# Needs root, a kernel with overlayfs, and the packages of the group `kubernetes` in
# scripts/packages.tsv. Exit code 77: something of it is not there, and the message says what.
#
# The pods have no way out of the machine. The network does not enforce NetworkPolicies: it is a
# plain bridge.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
root=$(cd "$here/../../.." && pwd)
readonly root
export BALLAST_KUBERNETES=$root/build/kubernetes
readonly state=$BALLAST_KUBERNETES/state bin=$BALLAST_KUBERNETES/bin
# shellcheck source=tests/e2e/kubernetes/names.sh
source "$here/names.sh"

fail() {
  printf 'cluster.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

check_tools() {
  ((EUID == 0)) || fail "expected to be root, which namespaces and cgroups need" 77
  local tool
  for tool in etcd containerd runc iptables conntrack ip nsenter unshare openssl curl; do
    command -v "$tool" >/dev/null ||
      fail "found no $tool; install the group kubernetes of scripts/packages.tsv" 77
  done
  [[ -x /usr/lib/cni/bridge ]] || fail "found no /usr/lib/cni/bridge; install containernetworking-plugins" 77
  grep -qw overlay /proc/filesystems || fail "the kernel has no overlayfs" 77
}

# build MODULE LDFLAGS PACKAGES...: what is not there yet, from a module of this folder, whose go.sum
# says exactly from which sources.
build() {
  local module=$1 flags=$2 package missing=()
  shift 2
  for package in "$@"; do
    [[ -x $bin/${package##*/} ]] || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  command -v go >/dev/null || fail "found no go (1.25 or newer), which builds ${missing[*]}" 77
  printf '==> building %s\n' "${missing[*]##*/}"
  (cd "$here/$module" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$bin/" "${missing[@]}") ||
    fail "go could not build ${missing[*]}; its modules come from the network the first time" 77
}

build_all() {
  mkdir -p "$bin"
  local version at=k8s.io/component-base/version
  version=$(sed -n 's#.*k8s.io/kubernetes \(v[0-9.]*\)$#\1#p' "$here/control-plane/go.mod" | head -n 1)
  local minor=${version#v*.}
  build control-plane "-X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=${minor%%.*}" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubectl}
  build dns '' github.com/coredns/coredns
  build pause '' ballast.invalid/pause
}

# The process of that number, and not a later one that was given it again.
is_up() {
  local pid stat
  [[ -s $state/pid && -s $state/begun ]] || return 1
  pid=$(<"$state/pid")
  [[ -r /proc/$pid/stat ]] || return 1
  read -ra stat <"/proc/$pid/stat"
  [[ ${stat[21]} == "$(<"$state/begun")" ]]
}

enter() {
  is_up || fail "the cluster is not up; run cluster.sh up" 2
  nsenter --target "$(<"$state/pid")" --net --mount --pid -- "$@"
}

kubectl() { KUBECONFIG=$state/admin.kubeconfig "$bin/kubectl" "$@"; }

# The machine keeps one end of a cable to the node.
plug_in() {
  ip link add "$link" type veth peer name eth0 netns "$(<"$state/pid")"
  ip addr add "$gateway/30" dev "$link"
  ip link set "$link" up
}

# The kubelet sets these for the whole machine.
readonly tunables=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

up() {
  check_tools
  ! is_up || fail "the cluster is up already; cluster.sh down ends it" 2
  build_all
  rm -rf "$state"
  mkdir -p "$state"
  sysctl "${tunables[@]}" >"$state/sysctl.conf"
  "$here/certificates.sh" "$state"

  mkfifo "$state/plugged"
  # Its first process is the node's init: with it every other one ends.
  setsid unshare --net --mount --pid --fork --kill-child --propagation private \
    "$here/node.sh" "$state" "$bin" </dev/null >"$state/node.log" 2>&1 &
  local outer=$!
  # node.sh says who it is out here; a node that ends beforehand is seen too.
  read -r -t 20 _ < <(tail -s 0.1 -n +1 -F --pid="$outer" "$state/pid" 2>/dev/null) ||
    fail "the node's namespaces did not start: $(tail -n 3 "$state/node.log")"
  plug_in
  echo plugged >"$state/plugged"
  kubectl_when_ready || fail "kube-apiserver did not become ready: see $state/log"
  prepare
  kubectl wait --for=condition=Ready "node/$node" --timeout=120s ||
    fail "the node did not become ready: see $state/log/kubelet.log"
}

kubectl_when_ready() {
  curl --silent --show-error --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null \
    --cacert "$state/ca.crt" --cert "$state/admin.crt" --key "$state/admin.key" \
    "https://$address:6443/readyz" 2>"$state/log/readyz.log"
}

# Volumes that claims find; then the node registers.
prepare() {
  local i
  for i in $(seq 1 "$volumes"); do mkdir -p "$state/volumes/$i"; done
  "$here/volumes.sh" "$node" "$state/volumes" "$volumes" | kubectl apply -f - >/dev/null
  curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null \
    --cacert "$state/ca.crt" --cert "$state/admin.crt" --key "$state/admin.key" \
    "https://$address:6443/api/v1/nodes/$node" ||
    fail "the kubelet did not register its node: see $state/log/kubelet.log"
}

down() {
  if is_up; then
    local pid
    pid=$(<"$state/pid")
    kill -KILL "$pid"
    tail --pid="$pid" -f /dev/null
  fi
  ! ip link show "$link" >/dev/null 2>&1 || ip link del "$link"
  remove_cgroups
  [[ ! -f $state/sysctl.conf ]] || sysctl --quiet --load "$state/sysctl.conf"
  rm -rf "$state"
}

remove_cgroups() {
  local controller
  for controller in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [[ -d $controller/$cgroup ]] || continue
    find "$controller/$cgroup" -depth -type d -exec rmdir {} + || true
  done
}

case ${1:-} in
  up | down) "$1" ;;
  kubeconfig)
    is_up || fail "the cluster is not up; run cluster.sh up" 2
    printf '%s\n' "$state/admin.kubeconfig"
    ;;
  load)
    [[ -r ${2:-} ]] || fail "expected an archive of an image, saw '${2:-}'" 2
    enter ctr -n k8s.io images import "$(realpath "$2")"
    ;;
  kubectl | enter) "$@" ;;
  -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
  *) fail "expected up, down, kubeconfig, load, kubectl or enter, saw '${1:-}'" 2 ;;
esac
