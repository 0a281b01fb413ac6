# Breaks the protocol on purpose, once for each patch in tests/simulation/mutations, and lets the
# simulator find it: ./dev simulate --mutations.
#
# Several are tried at a time, each in a copy of the sources of its own under build/mutations. Files
# there are touched exactly when their content changes, so that a build takes what changed and no
# more, whatever became of the run before.

# shellcheck shell=bash

readonly mutations=tests/simulation/mutations mutation_trees=build/mutations
readonly mutation_seeds=1000 mutation_seconds_max=900
readonly mutation_sources=(CMakeLists.txt CMakePresets.json cmake common paramserver worker
  coordinator cli tests bench)

mutate() {
  local names=("$@") name slots=2 slot pids=()
  (($# > 0)) || mapfile -t names < <(mutation_names)
  for name in "${names[@]}"; do
    [[ -f $mutations/$name.patch ]] ||
      fail_usage "simulate: unknown mutation '$name'; they are the patches in $mutations"
  done
  ((slots <= $(jobs_max))) || slots=$(jobs_max)
  ((slots <= ${#names[@]})) || slots=${#names[@]}

  local trees=$mutation_trees
  rm -rf "$trees/taken" "$trees/logs" "$trees/failed"
  mkdir -p "$trees/taken" "$trees/logs"
  for ((slot = 1; slot <= slots; ++slot)); do
    say "mutations: building without any, in $trees/$slot"
    mutation_mirror "$trees/$slot"
    mutation_build "$trees/$slot" >"$trees/logs/build-$slot.log" 2>&1 || {
      tail -n 20 "$trees/logs/build-$slot.log" >&2
      fail "the sources do not build without a mutation"
    }
    cp "$trees/$slot/build/release/tests/simulate" "$trees/$slot/unmutated"
  done

  say "mutations: ${#names[@]}, up to $mutation_seeds seeds each"
  printf '%-34s %5s %5s  %s\n' mutation seed s "what was said"
  for ((slot = 1; slot <= slots; ++slot)); do
    mutation_take "$trees/$slot" $((($(jobs_max) + slots - 1) / slots)) "${names[@]}" &
    pids+=($!)
  done
  wait "${pids[@]}"
  [[ ! -f $trees/failed ]] || fail "not as it has to be: $(sort "$trees/failed" | xargs)"
  say "mutations: the simulator finds all ${#names[@]}"
}

mutation_names() {
  local path
  for path in "$mutations"/*.patch; do basename "$path" .patch; done
}

# mutation_mirror TREE: the sources as they are here.
mutation_mirror() {
  local path
  while IFS= read -r -d '' path; do
    cmp -s "$path" "$1/$path" || install -D -m "$(stat -c %a "$path")" "$path" "$1/$path"
  done < <(find "${mutation_sources[@]}" -type f -print0)
}

mutation_build() (
  cd "$1" || exit
  export CCACHE_BASEDIR=$PWD
  build_preset release simulate
)

# mutation_patch TREE NAME [OPTION]
mutation_patch() { patch -p1 -F0 -s -f -d "$1" "${@:3}" <"$mutations/$2.patch"; }

# mutation_take TREE JOBS NAME...: those that nobody has taken yet, one after another.
mutation_take() {
  local tree=$1 jobs=$2 name
  shift 2
  for name in "$@"; do
    mkdir "$mutation_trees/taken/$name" 2>/dev/null || continue
    mutation_try "$tree" "$jobs" "$name" || printf '%s\n' "$name" >>"$mutation_trees/failed"
  done
}

# mutation_hunt TREE JOBS NAME: first with the seed that found it before, if the patch names one.
mutation_hunt() {
  local simulate=$1/build/release/tests/simulate seed
  seed=$(sed -n 's/^Found by seed \([0-9]*\)\.$/\1/p' "$mutations/$3.patch")
  if [[ -n $seed ]] && ((seed <= mutation_seeds)); then
    timeout "$mutation_seconds_max" "$simulate" --until-failure --first "$seed" --seeds 1 || return
  fi
  timeout "$mutation_seconds_max" "$simulate" --until-failure --seeds "$mutation_seeds" --jobs "$2"
}

# mutation_try TREE JOBS NAME: false where it was not found as it has to be. One row says how it went.
mutation_try() {
  local tree=$1 jobs=$2 name=$3 log=$mutation_trees/logs/$3.log started=$SECONDS status=0 seed said
  row() { printf '%-34s %5s %5d  %s\n' "$name" "$1" $((SECONDS - started)) "$2"; }
  mutation_patch "$tree" "$name" --dry-run >"$log" 2>&1 || {
    row - "DOES NOT APPLY: $log"
    return 1
  }
  mutation_patch "$tree" "$name"
  mutation_build "$tree" >"$log" 2>&1 || status=$?
  mutation_patch "$tree" "$name" -R
  ((status == 0)) || {
    row - "DOES NOT BUILD: $log"
    return 1
  }
  mutation_hunt "$tree" "$jobs" "$name" >"$log" 2>&1 || status=$?
  if ((status == 0)); then
    row - "SURVIVED $mutation_seeds seeds"
    return 1
  elif ((status != 1)); then
    row - "NO RESULT: status $status, $log"
    return 1
  fi
  seed=$(sed -n 's/^seed \([0-9]*\) failed.*/\1/p' "$log" | head -n 1)
  "$tree/unmutated" --seed "$seed" >/dev/null || {
    row "$seed" "FAILS WITHOUT IT TOO"
    return 1
  }
  said=$(grep -m 1 'invariant broken' "$log" ||
    sed -n 's/^seed [0-9]* failed after [^:]*: \([^.;]*\).*/\1/p' "$log" | head -n 1)
  row "$seed" "$said"
}
