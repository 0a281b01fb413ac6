#!/usr/bin/env bash
# certificates.sh DIRECTORY: an authority, a certificate for each component of the cluster, the
# kubeconfigs that hold them, and the key that service account tokens are signed with.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/kubernetes/names.sh
source "$here/names.sh"
cd "$1"

key_of() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# certificate NAME SUBJECT [ALTERNATIVE NAMES]
certificate() {
  key_of "$1"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
      -extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}") 2>/dev/null
}

kubeconfig() {
  cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: ballast-test
clusters:
- name: ballast-test
  cluster: {server: "https://$address:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
contexts:
- name: ballast-test
  context: {cluster: ballast-test, user: $1}
END
}

umask 077
key_of ca
openssl req -x509 -new -key ca.key -subj /CN=ballast-test -days 30 -out ca.crt
key_of service-accounts
certificate apiserver /CN=kube-apiserver \
  "IP:$address,IP:$api_service,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
certificate admin /O=system:masters/CN=admin
certificate controller-manager /CN=system:kube-controller-manager
certificate scheduler /CN=system:kube-scheduler
certificate proxy /CN=system:kube-proxy
certificate dns /O=system:masters/CN=coredns
certificate kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$address"
for name in admin controller-manager scheduler proxy dns kubelet; do kubeconfig "$name"; done
