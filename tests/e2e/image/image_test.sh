#!/usr/bin/env bash
# The image, built and run as a cluster would run it: read-only root, no capabilities, the engine's
# seccomp profile, a user of its own, no network. Takes minutes; ./dev test -C image -L image
#
# Exit code 77: what it needs is not here, and the first line says what.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

readonly size_bytes_max=150000000 tag=localhost/ballast:test
readonly base=docker.io/library/debian:bookworm-slim

choose_engine() {
  if docker version >/dev/null 2>&1; then
    engine=docker
  elif command -v podman >/dev/null; then
    engine=podman
  else
    skip "found no docker with a daemon and no podman; ./dev setup --image installs podman"
  fi
}

prepare_base() {
  "$engine" image inspect "$base" >/dev/null 2>&1 && return 0
  "$engine" pull --quiet "$base" >/dev/null 2>&1 && return 0
  [[ $engine == podman && $EUID == 0 && -x /usr/sbin/debootstrap ]] ||
    skip "$base cannot be pulled, and making it needs root, podman and debootstrap"
  tests/e2e/image/debian_base.sh "$base" >/dev/null
}

# hardened OPTIONS... IMAGE ARGUMENTS...: modest limits too, since not everybody may raise them.
hardened() {
  "$engine" run --network none --read-only --tmpfs /tmp --cap-drop all --ulimit nofile=1024:1024 \
    --ulimit nproc=1024:1024 --security-opt no-new-privileges "$@"
}

check_contents() {
  local size revision sbom=build/image/sbom.spdx.json
  size=$("$engine" image inspect --format '{{.Size}}' "$tag")
  if ((size < size_bytes_max)); then
    printf 'ok: %d bytes\n' "$size"
  else
    fail "size: expected below $size_bytes_max bytes, saw $size"
  fi
  [[ $("$engine" image inspect --format '{{.Config.User}}' "$tag") == 10001:10001 ]] ||
    fail "expected the user 10001:10001"
  revision=$("$engine" image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$tag")
  [[ -n $revision && $(hardened --rm "$tag" --version) == *"($revision)" ]] ||
    fail "expected --version to end with the revision of the label, '$revision', saw $(hardened --rm "$tag" --version)"

  # shellcheck disable=SC2016  # dpkg-query's own.
  "$engine" run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --entrypoint dpkg-query \
    "$tag" -W -f '${Package} ${Version}\n' | sort >"$scratch/installed"
  python3 - "$sbom" >"$scratch/listed" <<'END'
import json, sys
packages = json.load(open(sys.argv[1]))["packages"]
for name, version in sorted((p["name"], p["versionInfo"]) for p in packages if "-deb-" in p["SPDXID"]):
    print(name, version)
END
  LC_ALL=C sort -o "$scratch/listed" "$scratch/listed"
  LC_ALL=C sort -o "$scratch/installed" "$scratch/installed"
  [[ -s $scratch/installed ]] || fail "dpkg says that nothing is installed"
  diff "$scratch/installed" "$scratch/listed" || fail "the list of packages is not what is installed"
  grep -q 'pkg:npm/%40observablehq/plot@' "$sbom" || fail "the list lacks what is embedded in the binary"
}

# As a user with a directory of data and a volume would.
check_training() {
  local expected shape mounts=(-v "$PWD/examples/digits:/examples:ro" -v "$scratch/state:/var/lib/ballast")
  mkdir -m 0777 "$scratch/state"
  "$BALLAST" train examples/digits/mlp.yaml --out "$scratch/here" >/dev/null
  expected=$(digest_of "$scratch/here")
  for shape in '' '--workers 2 --servers 2'; do
    # shellcheck disable=SC2086
    hardened --rm "${mounts[@]}" "$tag" train /examples/mlp.yaml --out run --overwrite $shape \
      >"$scratch/log" 2>&1 || fail "training: $(tail -n 3 "$scratch/log")"
    expect_digest "in a container, ${shape:-one process}" "$expected" "$scratch/state/run"
  done
}

# stops NAME CODE PATTERN ARGUMENTS...: as the container's first process it is ended by SIGTERM, for
# which the kernel does nothing by itself, well within the grace that clusters give.
stops() {
  local name=$1 code=$2 pattern=$3 container seen
  shift 3
  container=$(hardened -d -v "$PWD/examples/digits:/examples:ro" -v "$scratch/state:/var/lib/ballast" "$tag" "$@")
  "$engine" logs -f "$container" >"$scratch/$name.log" 2>&1 &
  wait_for_line "$scratch/$name.log" "$pattern" $! >/dev/null
  "$engine" kill --signal TERM "$container" >/dev/null
  seen=$(timeout 10 "$engine" wait "$container") || seen="none within 10 s"
  if [[ $seen == "$code" ]]; then
    printf 'ok: %s ends with %s\n' "$name" "$code"
  else
    fail "$name: expected exit code $code after SIGTERM, saw $seen"
  fi
  "$engine" rm -f "$container" >/dev/null
}

check_signals() {
  stops train 130 'step' train /examples/mlp.yaml --out stopped --overwrite --workers 2 --set training.epochs=100000
  stops worker 130 'computes on' worker --coordinator tcp://127.0.0.1:7700 --wait 0
  stops server 130 'keeps up to' server --coordinator tcp://127.0.0.1:7700 --wait 0 --home home
}

check_limits() {
  hardened --rm --cpus 1.5 --memory 256m "$tag" worker --coordinator tcp://127.0.0.1:7700 --wait 1 \
    >"$scratch/log" 2>&1 || true
  grep -q 'computes on 1 thread; the CPU limit here is 1.5' "$scratch/log" ||
    fail "--cpus 1.5: saw $(cat "$scratch/log")"
  hardened --rm --memory 256m "$tag" server --coordinator tcp://127.0.0.1:7700 --wait 1 \
    --home /tmp/home >"$scratch/log" 2>&1 || true
  grep -q 'keeps up to 64 MiB of gradients that wait; the memory limit here is 256 MiB' "$scratch/log" ||
    fail "--memory 256m: saw $(cat "$scratch/log")"
}

choose_engine
prepare_base
BALLAST_ENGINE=$engine deploy/docker/build.sh --tag "$tag" >"$scratch/build.log" 2>&1 ||
  { tail -n 20 "$scratch/build.log"; fail "the image cannot be built"; finish; }
check_contents
check_training
check_signals
check_limits
finish
