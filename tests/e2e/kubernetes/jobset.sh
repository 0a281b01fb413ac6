#!/usr/bin/env bash
# jobset.sh: puts JobSet's controller onto the cluster of cluster.sh, as its own manifests say, from
# the module that jobset/go.mod names; returns when it answers.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
root=$(cd "$here/../../.." && pwd)
readonly root bin=$root/build/kubernetes/bin
kube() { "$here/cluster.sh" kubectl "$@"; }

module=$(cd "$here/jobset" && go list -m -f '{{.Dir}}' sigs.k8s.io/jobset)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

[[ -x $bin/jobset ]] ||
  (cd "$here/jobset" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$bin/" sigs.k8s.io/jobset)

# Modules are kept read-only, and kustomize looks only below the directory that it is given.
cp -r "$module/config" "$scratch/config"
kube kustomize "$scratch/config/default" >"$scratch/jobset.yaml"
image=$(sed -n 's/^ *image: //p' "$scratch/jobset.yaml")
cp "$bin/jobset" "$scratch/manager"
"$here/pause/archive.sh" "$scratch/manager" "$image" "$scratch/image.tar"
"$here/cluster.sh" load "$scratch/image.tar" >/dev/null
kube apply --server-side -f "$scratch/jobset.yaml" >/dev/null
kube rollout status -n jobset-system deployment/jobset-controller-manager --timeout=180s
