#!/usr/bin/env bash
# node.sh STATE BIN: the first process of the node, in namespaces of its own. Started by cluster.sh,
# which needs what it writes: its process id out there to STATE/pid, when it began to STATE/begun.

set -euo pipefail

readonly state=$1 bin=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/kubernetes/names.sh
source "$here/names.sh"

# /proc is still the machine's: what it calls us is our name out there.
read -ra stat </proc/self/stat
mount --make-rshared /
mount -t proc proc /proc
mkdir -p "$state/log"
printf '%s\n' "${stat[21]}" >"$state/begun"
printf '%s\n' "${stat[0]}" >"$state/pid"
read -r _ <"$state/plugged"  # Until the cable is in.

# What everybody expects in fixed places lies in STATE; the machine's own places stay as they are.
private_places() {
  mount -t tmpfs tmpfs /run
  local place
  mkdir -p "$state"/var/{upper,work} "$state"/{containerd,kubelet}
  mount -t overlay overlay -o "lowerdir=/var,upperdir=$state/var/upper,workdir=$state/var/work" /var
  for place in containerd kubelet; do
    mkdir -p "/var/lib/$place"
    mount --bind "$state/$place" "/var/lib/$place"
  done
}

network() {
  ip link set lo up
  ip addr add "$address/30" dev eth0
  ip link set eth0 up
  ip route add default via "$gateway"
  sysctl -q -w net.ipv4.ip_forward=1
}

write_files() {
  mkdir -p "$state/cni" "$state/volume-plugins"
  cat >"$state/cni/10-bridge.conflist" <<END
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pod_network"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  # A process may not lower its oom_score_adj without CAP_SYS_RESOURCE, which a virtual machine that
  # is itself a sandbox may lack.
  cat >"$state/containerd.toml" <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$state/cni"
END
  cat >"$state/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $state/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
clusterDNS: [$address]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
failSwapOn: false
failCgroupV1: false
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
oomScoreAdj: 0
resolvConf: ""
volumePluginDir: $state/volume-plugins
END
  cat >"$state/Corefile" <<END
.:53 {
  bind $address
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $state/dns.kubeconfig
    ttl 1
  }
}
END
}

# start NAME COMMAND...
start() {
  local name=$1
  shift
  "$@" >"$state/log/$name.log" 2>&1 &
}

control_plane() {
  start etcd etcd --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$address" --bind-address "$address" --cert-dir "$state" \
    --client-ca-file "$state/ca.crt" \
    --tls-cert-file "$state/apiserver.crt" --tls-private-key-file "$state/apiserver.key" \
    --kubelet-preferred-address-types InternalIP --kubelet-client-certificate "$state/kubelet-client.crt" \
    --kubelet-client-key "$state/kubelet-client.key" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$state/service-accounts.key" \
    --service-account-signing-key-file "$state/service-accounts.key" \
    --service-cluster-ip-range "$service_network"
  start kube-controller-manager "$bin/kube-controller-manager" --leader-elect=false \
    --kubeconfig "$state/controller-manager.kubeconfig" --use-service-account-credentials \
    --root-ca-file "$state/ca.crt" --service-account-private-key-file "$state/service-accounts.key" \
    --bind-address 127.0.0.1
  start kube-scheduler "$bin/kube-scheduler" --leader-elect=false \
    --kubeconfig "$state/scheduler.kubeconfig" --bind-address 127.0.0.1
}

import_pause() {
  mkdir -p "$state/pause"
  cp "$bin/pause" "$state/pause/"
  "$here/pause/archive.sh" "$state/pause/pause" "$pause_image" "$state/pause/image.tar"
  ctr --connect-timeout 60s -n k8s.io images import "$state/pause/image.tar"
}

run_node() {
  start containerd containerd --config "$state/containerd.toml"
  grep -m1 -q 'successfully booted' < <(tail -s 0.1 -n +1 -F --pid=$! "$state/log/containerd.log" 2>/dev/null)
  import_pause >"$state/log/pause.log" 2>&1
  # In each hierarchy that is there: the kubelet makes no root of its own.
  local controller
  for controller in /sys/fs/cgroup/*/; do mkdir -p "$controller/$cgroup"; done
  start kubelet "$bin/kubelet" --config "$state/kubelet.yaml" --kubeconfig "$state/kubelet.kubeconfig" \
    --hostname-override "$node" --node-ip "$address" --cert-dir "$state/kubelet-certificates"
  start kube-proxy "$bin/kube-proxy" --kubeconfig "$state/proxy.kubeconfig" \
    --hostname-override "$node" --proxy-mode iptables --cluster-cidr "$pod_network" \
    --conntrack-max-per-core 0 --conntrack-min 0 --oom-score-adj 0 --bind-address "$address"
  start coredns "$bin/coredns" -conf "$state/Corefile"
}

private_places
network
write_files
control_plane
run_node
# Until somebody ends this process; what ends by itself has said why in its log.
while :; do wait -n || true; [[ -n $(jobs -rp) ]] || exit 1; done
