# shellcheck shell=bash
# What the verbs share: how they speak, and how they call CMake. All of them run in the root
# of the repository.

# Without these ccache would take each clone of the repository for another project.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

say() { printf '==> %s\n' "$*"; }

# One sentence on stderr: something in the world is missing or failed.
fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# The same for a mistake on the command line.
fail_usage() {
  printf 'dev: %s\n' "$*" >&2
  exit 2
}

jobs_max() { nproc; }

# Runs another verb in this shell.
run_verb() {
  local verb=$1
  shift
  # shellcheck source=/dev/null
  source "scripts/dev/$verb.sh"
  "dev_$verb" "$@"
}

# Configures a preset anew when the presets changed; Ninja does so when a CMake file does.
configure_preset() {
  local preset=$1
  command -v cmake >/dev/null || fail "cmake is not installed; run './dev setup' first"
  [[ build/$preset/build.ninja -nt CMakePresets.json ]] || cmake --fresh --preset "$preset"
}

# build_preset PRESET [TARGET...]: everything when no target is named.
build_preset() {
  local preset=$1
  shift
  configure_preset "$preset"
  local targets=()
  (($# == 0)) || targets=(--target "$@")
  cmake --build --preset "$preset" -j "$(jobs_max)" ${targets[@]+"${targets[@]}"}
}
