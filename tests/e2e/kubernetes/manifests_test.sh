#!/usr/bin/env bash
# The overlays of deploy/k8s and what `ballast kubernetes render` writes, judged by a real API server:
# schemas, defaults and admission under the profile `restricted`, without a warning. Monitors and
# JobSets are held against the definitions of their own projects. Where there are nodes, the overlay
# for laptops is then applied, and its pods are made and scheduled.
#
# Needs $BALLAST, $KUBECONFIG (tests/e2e/kubernetes/cluster.sh kubeconfig), kubectl ($KUBECTL), and go,
# which fetches the definitions. It takes the namespace `ballast` and removes it. The oldest Kubernetes that
# is supported judges by
#   tests/e2e/kubernetes/oldest.sh tests/e2e/kubernetes/manifests_test.sh

: "${KUBECONFIG:?of the cluster to ask}"
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

here=tests/e2e/kubernetes
kube() { "${KUBECTL:-kubectl}" "$@"; }
has_nodes() { [[ -n $(kube get nodes -o name) ]]; }

# Without controllers there is nobody who ends a namespace.
remove() { ! has_nodes || kube delete --ignore-not-found -k deploy/k8s/overlays/local >/dev/null; }

# define FOLDER MODULE PATTERN: its definitions of resources.
define() {
  local directory file
  directory=$(cd "$here/$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2")
  for file in "$directory"/$3; do
    kube apply --server-side --force-conflicts -f "$file" >/dev/null || fail "$file"
    kube wait --for=condition=Established -f "$file" --timeout=60s >/dev/null || fail "$file"
  done
}

# judge NAME: of $scratch/NAME.yaml.
judge() {
  if kube create --dry-run=server --validate=strict -n ballast -f "$scratch/$1.yaml" >"$scratch/log" 2>&1 &&
    ! grep -i warning "$scratch/log"; then
    printf 'ok: %s, %d objects\n' "$1" "$(grep -c 'server dry run' "$scratch/log")"
  else
    fail "$1: $(cat "$scratch/log")"
  fi
}

# refuses NAME PATTERN EXPRESSION: a mistake in it is seen, so the judge is none that passes everything.
refuses() {
  sed "$3" "$scratch/$1.yaml" >"$scratch/wrong.yaml"
  ! cmp -s "$scratch/$1.yaml" "$scratch/wrong.yaml" || fail "$1: nothing to spoil by $3"
  kube create --dry-run=server --validate=strict -n ballast -f "$scratch/wrong.yaml" >"$scratch/log" 2>&1 || true
  grep -q "$2" "$scratch/log" || fail "$1, spoiled: expected /$2/, saw: $(cat "$scratch/log")"
}

kube version | sed -n 's/^Server Version: /judged by Kubernetes /p'
remove
define monitoring github.com/prometheus-operator/prometheus-operator \
  'example/prometheus-operator-crd/*_*monitors.yaml'
define jobset sigs.k8s.io/jobset 'config/components/crd/bases/*.yaml'
# Not the namespace: where it is it cannot be created.
kube apply -f deploy/k8s/overlays/local/namespace.yaml >/dev/null
for overlay in local production spot; do
  kube kustomize "deploy/k8s/overlays/$overlay" >"$scratch/whole.yaml"
  awk 'BEGIN { RS = ORS = "---\n" } !/kind: Namespace/' "$scratch/whole.yaml" >"$scratch/$overlay.yaml"
  judge "$overlay"
done
refuses local 'would violate PodSecurity "restricted' 's/runAsNonRoot: true/runAsNonRoot: false/'

mkdir "$scratch/monitoring"
printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: ballast\ncomponents: [%s]\n' \
  "$(realpath --relative-to "$scratch/monitoring" deploy/k8s/components/monitoring)" \
  >"$scratch/monitoring/kustomization.yaml"
kube kustomize "$scratch/monitoring" >"$scratch/monitors.yaml"
judge monitors
refuses monitors 'unknown field' 's/podMetricsEndpoints/endpoints/'

"$BALLAST" kubernetes render examples/digits/mlp.yaml --data examples/digits --queue batch \
  --secret s3 --claim more=extra >"$scratch/job.yaml"
judge job
refuses job 'unknown field' 's/successPolicy/success/'

"$BALLAST" keys --kubernetes --access "$scratch/access" >"$scratch/secrets.yaml"
judge secrets

if has_nodes; then
  kube create -n ballast -f "$scratch/secrets.yaml" >/dev/null
  kube apply -k deploy/k8s/overlays/local >/dev/null
  kube wait -n ballast --for=condition=PodScheduled pod -l app.kubernetes.io/name=ballast --timeout=60s \
    >/dev/null || fail "pods are not scheduled: $(kube get pods -n ballast)"
  for workload in statefulset/ballast-coordinator statefulset/ballast-server deployment/ballast-worker; do
    wanted=$(kube get -n ballast "$workload" -o 'jsonpath={.spec.replicas}')
    kube wait -n ballast --for="jsonpath={.status.replicas}=$wanted" "$workload" --timeout=60s >/dev/null ||
      fail "$workload: expected $wanted pods: $(kube get -n ballast "$workload")"
  done
fi
remove
finish
