#!/usr/bin/env bash
# build.sh [--tag NAME] [--base IMAGE] [--archive FILE]: builds the image with docker, podman or
# buildah, the first that works here ($BALLAST_ENGINE chooses another), says its size, and leaves its
# list of packages in build/image/sbom.spdx.json.
#
#   --tag NAME      what to call it; by default localhost/ballast:VERSION
#   --base IMAGE    instead of docker.io/library/debian:bookworm-slim
#   --archive FILE  also write it there, in the format of `docker save`: nodes without a registry
#                   read it with `ctr -n k8s.io images import`
#
# In a network that puts its own certificate in front of others, $NODE_EXTRA_CA_CERTS names the file
# of its authority, for npm; it does not get into the image.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf 'build.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

# docker without its daemon is no engine.
works() {
  case $1 in
    docker) docker version >/dev/null 2>&1 ;;
    podman | buildah) command -v "$1" >/dev/null ;;
    *) fail "expected docker, podman or buildah as BALLAST_ENGINE, saw '$1'" 2 ;;
  esac
}

choose_engine() {
  local engine
  for engine in ${BALLAST_ENGINE:-docker podman buildah}; do
    if works "$engine"; then
      printf '%s' "$engine"
      return 0
    fi
  done
  fail "found no docker with a daemon, no podman and no buildah; install buildah" 3
}

revision() {
  if [[ -n ${BALLAST_REVISION:-} ]]; then
    printf '%s' "$BALLAST_REVISION"
  else
    git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || true
  fi
}

# Without starting a container.
read_sbom() {
  local container from=/usr/share/ballast/sbom.spdx.json
  if [[ $engine == buildah ]]; then
    container=$(buildah from --pull-never "$tag")
    cat "$(buildah mount "$container")$from"
    buildah rm "$container" >/dev/null
  else
    container=$("$engine" create "$tag")
    "$engine" cp "$container:$from" - | tar -xOf -
    "$engine" rm "$container" >/dev/null
  fi
}

# Of what it unpacks to.
size_of() {
  if [[ $engine == buildah ]]; then
    local container
    container=$(buildah from --pull-never "$tag")
    du -s --apparent-size --block-size 1 "$(buildah mount "$container")" | cut -f1
    buildah rm "$container" >/dev/null
  else
    "$engine" image inspect --format '{{.Size}}' "$tag"
  fi
}

save() {
  case $engine in
    buildah) buildah push -q "$tag" "docker-archive:$1:$tag" ;;
    *) "$engine" save -o "$1" "$tag" ;;
  esac
}

version=$(sed -n 's/^project(ballast VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
[[ -n $version ]] || fail "expected the version in project(ballast VERSION ...) of CMakeLists.txt, saw none"
tag=localhost/ballast:$version base='' archive=''
while (($# > 0)); do
  case $1 in
    -h | --help)
      sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --tag | --base | --archive)
      [[ -n ${2:-} ]] || fail "expected a value after $1, saw none" 2
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) fail "expected --tag, --base or --archive, saw '$1'" 2 ;;
  esac
done

engine=$(choose_engine)
arguments=(build --file deploy/docker/Dockerfile --tag "$tag"
  --build-arg "VERSION=$version" --build-arg "REVISION=$(revision)")
[[ -z $base ]] || arguments+=(--build-arg "BASE=$base")
# Without one an empty file: not every engine lets a secret be absent.
ca=${NODE_EXTRA_CA_CERTS:-/dev/null}
[[ $engine == docker ]] || arguments+=(--layers)
arguments+=(--secret "id=ca,src=$ca")
printf '==> %s %s\n' "$engine" "${arguments[*]}"
DOCKER_BUILDKIT=1 "$engine" "${arguments[@]}" .

mkdir -p build/image
read_sbom >build/image/sbom.spdx.json
printf '==> %s: %s bytes, packages in build/image/sbom.spdx.json\n' "$tag" "$(size_of)"
if [[ -n $archive ]]; then
  rm -f "$archive"  # Archives are not added to.
  save "$archive"
  printf '==> %s: %s bytes\n' "$archive" "$(stat -c %s "$archive")"
fi
