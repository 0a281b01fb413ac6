#!/usr/bin/env bash
# The overlays of deploy/k8s, judged by a real API server: schemas, defaults and admission under the
# profile `restricted`, without a warning. Then the one for laptops is applied, and its pods are made
# and scheduled.
#
# Needs $BALLAST, $KUBECONFIG (tests/e2e/kubernetes/cluster.sh kubeconfig) and kubectl ($KUBECTL). It
# takes the namespace `ballast` and removes it.

: "${KUBECONFIG:?of the cluster to ask}"
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

kube() { "${KUBECTL:-kubectl}" "$@"; }

remove() { kube delete --ignore-not-found -k deploy/k8s/overlays/local >/dev/null; }

remove
kube apply -f deploy/k8s/overlays/local/namespace.yaml >/dev/null
for overlay in local production spot; do
  if kube kustomize "deploy/k8s/overlays/$overlay" >"$scratch/$overlay.yaml" &&
    kube apply --dry-run=server --validate=strict -f "$scratch/$overlay.yaml" >"$scratch/log" 2>&1 &&
    ! grep -i warning "$scratch/log"; then
    printf 'ok: %s, %d objects\n' "$overlay" "$(grep -c 'server dry run' "$scratch/log")"
  else
    fail "$overlay: $(cat "$scratch/log")"
  fi
done
# A mistake is seen: the check above is none that passes everything.
sed 's/runAsNonRoot: true/runAsNonRoot: false/' "$scratch/local.yaml" |
  kube apply --dry-run=server -f - >"$scratch/log" 2>&1 || true
grep -q 'would violate PodSecurity "restricted' "$scratch/log" ||
  fail "pods that may be root bring no warning"

"$BALLAST" keys --kubernetes | kube create -n ballast -f - >/dev/null
kube create secret generic ballast-tokens -n ballast --from-literal=tokens= >/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ballast -days 1 -keyout "$scratch/tls.key" \
  -out "$scratch/tls.crt" 2>/dev/null
kube create secret tls ballast-tls -n ballast --cert "$scratch/tls.crt" --key "$scratch/tls.key" >/dev/null
kube apply -f "$scratch/local.yaml" >/dev/null
kube wait -n ballast --for=condition=PodScheduled pod -l app.kubernetes.io/name=ballast --timeout=60s \
  >/dev/null || fail "pods are not scheduled: $(kube get pods -n ballast)"
for workload in statefulset/ballast-coordinator statefulset/ballast-server deployment/ballast-worker; do
  wanted=$(kube get -n ballast "$workload" -o 'jsonpath={.spec.replicas}')
  kube wait -n ballast --for="jsonpath={.status.replicas}=$wanted" "$workload" --timeout=60s >/dev/null ||
    fail "$workload: expected $wanted pods: $(kube get -n ballast "$workload")"
done
remove
finish
