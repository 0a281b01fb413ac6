#!/usr/bin/env bash
# oldest.sh COMMAND...: runs it beside the API server of the oldest Kubernetes that deploy/k8s is for,
# alone with its etcd in namespaces of their own, and $KUBECONFIG set to it. What needs controllers or
# nodes does not happen there.
#
# Needs root, etcd, openssl, curl, and Go 1.25 or newer to build it the first time.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
root=$(cd "$here/../../.." && pwd)
readonly root bin=$root/build/kubernetes/bin/oldest

if [[ -z ${BALLAST_OLDEST:-} ]]; then
  (($# > 0)) || { printf 'oldest.sh: expected a command\n' >&2; exit 2; }
  if [[ ! -x $bin/kube-apiserver ]]; then
    version=$(sed -n 's#^require k8s.io/kubernetes \(v[0-9.]*\)$#\1#p;s#^\tk8s.io/kubernetes \(v[0-9.]*\)$#\1#p' \
      "$here/oldest/go.mod" | head -n 1)
    minor=${version#v*.}
    at=k8s.io/component-base/version
    (cd "$here/oldest" && CGO_ENABLED=0 go build -trimpath -o "$bin/" \
      -ldflags "-s -w -X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=${minor%%.*}" \
      k8s.io/kubernetes/cmd/kube-apiserver)
  fi
  state=$(mktemp -d)
  trap 'rm -rf "$state"' EXIT
  BALLAST_OLDEST=$state unshare --net --pid --fork --kill-child "$here/oldest.sh" "$@"
  exit
fi

state=$BALLAST_OLDEST
"$here/certificates.sh" "$state"
ip link set lo up
etcd --data-dir "$state/etcd" --unsafe-no-fsync >"$state/etcd.log" 2>&1 &
"$bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 --bind-address 127.0.0.1 --cert-dir "$state" \
  --advertise-address 127.0.0.1 --client-ca-file "$state/ca.crt" --tls-cert-file "$state/apiserver.crt" \
  --tls-private-key-file "$state/apiserver.key" --authorization-mode RBAC --service-cluster-ip-range 10.96.0.0/16 \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$state/service-accounts.key" \
  --service-account-signing-key-file "$state/service-accounts.key" \
  --disable-admission-plugins ServiceAccount >"$state/kube-apiserver.log" 2>&1 &
curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null --cacert "$state/ca.crt" \
  --cert "$state/admin.crt" --key "$state/admin.key" https://127.0.0.1:6443/readyz ||
  { tail -n 5 "$state/kube-apiserver.log" >&2; exit 1; }
sed -i 's#server: "https://[^:]*:#server: "https://127.0.0.1:#' "$state/admin.kubeconfig"
KUBECONFIG=$state/admin.kubeconfig "$@"
