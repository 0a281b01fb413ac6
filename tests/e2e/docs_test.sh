#!/usr/bin/env bash
# The tests that docs name to show what they say: all of them are there.

set -euo pipefail

files=$(find tests -type f)
scripts=$(grep -oE '[a-z0-9_]+_test\.(sh|cc|ts|mjs)$' <<<"$files" | sed 's/\..*//')
readarray -t sources < <(grep -E '\.cc$' <<<"$files")
readarray -t lists < <(grep -E 'CMakeLists\.txt$' <<<"$files")
programs=$(grep -hoE '^ballast_test\([a-z0-9_]+' "${lists[@]}" | cut -d'(' -f2)
cases=$(grep -hoE '^TEST(_[FP])?\([A-Za-z0-9]+, [A-Za-z0-9]+' "${sources[@]}" |
  sed -E 's/^[^(]*\(//; s/, /./')
missing=0

lacks() {
  printf 'FAILED: %s names %s, which is not there\n' "$1" "$2"
  missing=$((missing + 1))
}

for page in docs/fault-tolerance.md docs/security.md; do
  # In code marks: `name_test`, a script or a program; `Suite.Name`, a case; `Suite.*`, some cases.
  while read -r name; do
    case $name in
      *_test) grep -qxF "$name" <<<"$scripts"$'\n'"$programs" || lacks "$page" "$name" ;;
      *.\*) grep -q "^${name%\*}" <<<"$cases" || lacks "$page" "$name" ;;
      *) grep -qxF "${name##*/}" <<<"$cases" || lacks "$page" "$name" ;;
    esac
  done < <(grep -oE "[\`]([a-z0-9_]+_test|([A-Z][A-Za-z]*/)?[A-Z][A-Za-z]*\.[A-Z*][A-Za-z0-9]*)[\`]" \
    "$page" | tr -d "\`" | sort -u)
done

((missing == 0)) || exit 1
printf 'all there\n'
