# lint: check format, shell scripts, static analysis and the size of files.
#
# Usage: ./dev lint [--all | --seconds N | --fix]
#
# clang-format, shellcheck and the sizes cover every tracked file. clang-tidy takes seconds for each
# source file, so it starts with those that changed last and stops after 240 seconds; it says how
# far it came. (Links and the direction of dependencies are checked by a test, tidy_test.)
#
#   --all         let clang-tidy finish
#   --seconds N   let clang-tidy run for N seconds
#   --fix         format every tracked C++ file in place, and check nothing

# shellcheck shell=bash

readonly tracked_bytes_max=$((1024 * 1024))

dev_lint() {
  local seconds=240
  case ${1:-} in
    '') ;;
    --all) seconds=86400 ;;
    --seconds)
      [[ ${2:-} =~ ^[0-9]+$ ]] || fail_usage "lint: --seconds expects a number, saw '${2:-}'"
      seconds=$2
      ;;
    --fix)
      run_verb setup --lint
      tracked '*.h' '*.cc' | xargs -0 -r clang-format-14 -i
      return 0
      ;;
    *) fail_usage "lint: unknown argument '$1'; there are --all, --seconds N and --fix" ;;
  esac
  git rev-parse --git-dir >/dev/null ||
    fail "lint asks git which files are tracked; run it in a clone"
  run_verb setup --lint

  local failed=() check
  for check in format shell python size; do
    say "lint: $check"
    "lint_$check" || failed+=("$check")
  done
  say "lint: clang-tidy"
  lint_tidy "$seconds" || failed+=(clang-tidy)

  ((${#failed[@]} == 0)) || fail "lint found something in: ${failed[*]}"
  say "lint: clean"
}

tracked() { git ls-files -z -- "$@"; }

# The same version on every system, since each formats a little differently.
lint_format() {
  tracked '*.h' '*.cc' | xargs -0 -r clang-format-14 --dry-run --Werror
}

lint_shell() {
  tracked dev .ci/run '*.sh' | xargs -0 shellcheck -x
}

lint_python() {
  tracked '*.py' | xargs -0 -r -n1 python3 -c '
import sys
compile(open(sys.argv[1], "rb").read(), sys.argv[1], "exec")'
}

lint_size() {
  local path bytes status=0
  while IFS= read -r -d '' path; do
    [[ -f $path ]] || continue
    bytes=$(stat -c %s -- "$path")
    ((bytes <= tracked_bytes_max)) && continue
    printf '%s: %d bytes, more than the %d that a tracked file may have\n' \
      "$path" "$bytes" "$tracked_bytes_max" >&2
    status=1
  done < <(tracked)
  return "$status"
}

# Production sources; those with uncommitted changes first, then by their last commit.
tidy_order() {
  {
    git diff --name-only HEAD
    git log --format= --name-only --no-renames
    git ls-files
  } | awk '!seen[$0]++ && /^(common|paramserver|worker|coordinator|cli)\/.*\.cc$/' |
    while IFS= read -r path; do [[ ! -f $path ]] || printf '%s\n' "$path"; done
}

# Reads each source by itself, as the preset `lint` compiles it. Generated headers must exist.
lint_tidy() {
  local deadline files checked skipped status=0
  build_preset lint ballast_schema >/dev/null ||
    fail "lint: the build of the protocol's schema fails; './dev build' shows why"
  mapfile -t files < <(tidy_order)
  deadline=$((SECONDS + $1))

  rm -rf build/tidy
  mkdir -p build/tidy
  printf '%s\n' "${files[@]}" |
    xargs -P "$(jobs_max)" -n1 scripts/dev/tidy_one.sh "$(($(date +%s) + deadline - SECONDS))" ||
    status=1
  checked=$(find build/tidy -name '*.checked' | wc -l)
  skipped=$((${#files[@]} - checked))
  say "lint: clang-tidy read $checked of ${#files[@]} files; $skipped were left when time was up"
  return "$status"
}
