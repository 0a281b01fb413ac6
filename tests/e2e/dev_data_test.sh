#!/usr/bin/env bash
# ./dev data: from a mirror, from a source, and every way in which either can be wrong. The sources
# are file:// addresses, so no network is used. Run in the root of the repository.

set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

mirror=$scratch/mirror source=$scratch/source into=$scratch/into table=$scratch/table.tsv
output=$scratch/output
failures=0
mkdir -p "$mirror/folder" "$source"

failed() {
  printf 'FAILED: %s\n' "$*" >&2
  [[ ! -f $output ]] || sed 's/^/    /' "$output" >&2
  failures=$((failures + 1))
}

# Rows of the table, in the order of its columns.
row() { (IFS=$'\t' && printf '%s\n' "$*") >>"$table"; }

sha() { sha256sum | cut -d' ' -f1; }

# run_data EXPECTED_STATUS ARGUMENTS...
run_data() {
  local expected=$1 status=0
  shift
  BALLAST_DATA_TABLE=$table BALLAST_DATA_MIRROR=$mirror ./dev data "$@" >"$output" 2>&1 || status=$?
  ((status == expected)) || failed "./dev data $*: expected exit status $expected, saw $status"
}

output_has() { grep -qF -- "$1" "$output" || failed "expected the output to say '$1'"; }

holds() {
  [[ -f $1 ]] || { failed "expected $1 to exist" && return 0; }
  [[ $(gzip -dc "$1" | sha) == "$(printf '%b' "$2" | sha)" ]] || failed "$1 holds something else"
}

is_empty() { [[ -z $(ls -A "$1") ]] || failed "expected nothing in $1, saw $(ls -A "$1")"; }

fresh() {
  rm -rf -- "$into" "$table"
  mkdir -p "$into"
}

takes_the_mirror_and_leaves_what_is_right() {
  fresh
  printf 'a,b\n' | gzip >"$mirror/folder/file.gz"
  row toy file.gz "$(printf 'a,b\n' | sha)" folder/file.gz same file:///nowhere same -
  run_data 0 toy --into "$into"
  holds "$into/file.gz" 'a,b\n'
  run_data 0 toy --into "$into"
  output_has "$into/file.gz is there"

  printf 'damaged' >"$into/file.gz"
  run_data 0 toy --into "$into"
  holds "$into/file.gz" 'a,b\n'
}

prefers_the_source_to_nothing() {
  fresh
  printf '|a remark\n1, 2\n' >"$source/plain"
  printf '3, 4\n' | gzip >"$source/zipped.gz"
  row toy plain.gz "$(printf '1, 2\n' | sha)" folder/absent.gz same \
    "file://$source/plain" without_first_line -
  row toy zipped.gz "$(printf '3, 4\n' | sha)" folder/absent.gz same \
    "file://$source/zipped.gz" same -
  run_data 0 toy --into "$into"
  holds "$into/plain.gz" '1, 2\n'
  holds "$into/zipped.gz" '3, 4\n'
}

# The two ways to the reviews end in the same bytes.
turns_the_archive_into_the_mirrors_table() {
  fresh
  mkdir -p "$source/aclImdb/train/neg" "$source/aclImdb/train/pos"
  printf 'bad' >"$source/aclImdb/train/neg/2_1.txt"
  printf 'worse, after\ttwo\nlines' >"$source/aclImdb/train/neg/10_2.txt"
  printf 'C:\\good' >"$source/aclImdb/train/pos/0_9.txt"
  tar -czf "$source/reviews.tar.gz" -C "$source" aclImdb
  local text='label\tid\tstars\ttext\n0\t2\t1\tbad\n0\t10\t2\tworse, after\\ttwo\\nlines\n'
  text+='1\t0\t9\tC:\\\\good\n'
  row toy train.tsv.gz "$(printf '%b' "$text" | sha)" folder/absent.gz without_part_column \
    "file://$source/reviews.tar.gz" reviews_of_train "$(sha <"$source/reviews.tar.gz")"
  run_data 0 toy --into "$into"
  holds "$into/train.tsv.gz" "$text"
  ! grep -q 'other bytes' "$output" || failed "the table differs from what was expected"

  fresh
  text='label\tid\tstars\tpart\ttext\n0\t2\t1\tval\tbad\n'
  printf '%b' "$text" | gzip >"$mirror/folder/train.tsv.gz"
  text='label\tid\tstars\ttext\n0\t2\t1\tbad\n'
  row toy train.tsv.gz "$(printf '%b' "$text" | sha)" folder/train.tsv.gz without_part_column \
    file:///nowhere reviews_of_train -
  run_data 0 toy --into "$into"
  holds "$into/train.tsv.gz" "$text"
}

# Archives of a set, and the table that its files are put together to.
puts_tables_together() {
  fresh
  mkdir -p "$source/ml-100k"
  printf '1|24|M|writer|55105\n2|53|F|other|94043\n' >"$source/ml-100k/u.user"
  printf '7|Film (1995)|01-Jan-1995||http://x|0|1%s\n8|unknown||||1|0%s\n' \
    '|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0' '|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0' \
    >"$source/ml-100k/u.item"
  printf '2\t8\t3\t881250949\n1\t7\t5\t891717742\n' >"$source/ml-100k/u.data"
  rm -f "$source/films.zip"
  (cd "$source" && python3 -m zipfile -c films.zip ml-100k)
  local text part filter
  text=$(head -n 1 < <(awk -f scripts/ratings.awk))
  text+='\n2,53,F,other,8,,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,881250949,3'
  text+='\n1,24,M,writer,7,1995,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,891717742,5\n'
  for part in u.data:ratings u.item:films u.user:users; do
    filter=${part#*:}_of_zip
    row toy "${part%:*}.gz" "$(sha <"$source/ml-100k/${part%:*}")" folder/absent.gz same \
      "file://$source/films.zip" "$filter" -
  done
  row toy ratings.csv.gz "$(printf '%b' "$text" | sha)" - joined_ratings - same -
  run_data 0 toy --into "$into"
  holds "$into/ratings.csv.gz" "$text"

  sed -i '$d' "$table"
  row toy ratings.csv.gz "$(printf 'x' | sha)" - joined_ratings - same -
  rm "$into/ratings.csv.gz"
  run_data 1 toy --into "$into"
  output_has 'expected ratings.csv.gz to hold content with SHA-256'
  [[ ! -e $into/ratings.csv.gz ]] || failed 'a table of other content was kept'
}

refuses_a_wrong_checksum() {
  local right
  right=$(printf 'right' | sha)
  fresh
  printf 'wrong' | gzip >"$mirror/folder/file.gz"
  row toy file.gz "$right" folder/file.gz same file:///nowhere same -
  run_data 1 toy --into "$into"
  output_has "SHA-256 $right, saw $(printf 'wrong' | sha)"
  is_empty "$into"

  fresh
  printf 'wrong' >"$source/file"
  row toy file.gz "$right" folder/absent.gz same "file://$source/file" same -
  run_data 1 toy --into "$into"
  output_has "SHA-256 $right, saw $(printf 'wrong' | sha)"
  is_empty "$into"

  fresh
  row toy file.gz "$right" folder/absent.gz same "file://$source/file" same "$right"
  run_data 1 toy --into "$into"
  output_has "SHA-256 $right"
  is_empty "$into"
}

says_what_is_missing_without_a_network() {
  fresh
  row toy file.gz "$(printf 'x' | sha)" folder/absent.gz same "file://$source/absent" same -
  run_data 1 toy --into "$into"
  output_has "file.gz is not in $mirror"
  output_has "file://$source/absent"
  output_has 'set BALLAST_DATA_MIRROR'
  is_empty "$into"
}

refuses_what_it_does_not_know() {
  fresh
  row toy file.gz "$(printf 'x' | sha)" folder/absent.gz same file:///nowhere same -
  run_data 2 toys
  output_has "saw 'toys'; there are: toy all"
  run_data 2 toy --onto "$into"
  output_has '--onto'
}

# The real table: every column there, every filter a function, every set an example.
the_table_is_whole() {
  local set file sum mirror_path mirror_filter url url_filter url_sum filter rows=0
  while IFS=$'\t' read -r set file sum mirror_path mirror_filter url url_filter url_sum; do
    rows=$((rows + 1))
    [[ $sum =~ ^[0-9a-f]{64}$ ]] || failed "$set: $sum is no SHA-256"
    [[ $url_sum =~ ^([0-9a-f]{64}|-)$ ]] || failed "$set: '$url_sum' is no SHA-256"
    [[ $file == *.gz ]] || failed "$set: $file"
    [[ $mirror_path/$url == -/- || $mirror_path/$url == */*/http* ]] || failed "$set: $file"
    [[ -f examples/$set/README.md ]] || failed "examples/$set has no README"
    for filter in "$mirror_filter" "$url_filter"; do
      grep -q "^$filter() {" scripts/dev/data.sh || failed "$set: no filter $filter"
    done
  done < <(grep -v '^#' scripts/data.tsv)
  ((rows > 0)) || failed "scripts/data.tsv lists no file"
}

tests=(
  takes_the_mirror_and_leaves_what_is_right
  prefers_the_source_to_nothing
  turns_the_archive_into_the_mirrors_table
  puts_tables_together
  refuses_a_wrong_checksum
  says_what_is_missing_without_a_network
  refuses_what_it_does_not_know
  the_table_is_whole
)
for test in "${tests[@]}"; do
  printf '%s\n' "$test"
  "$test"
done
((failures == 0)) || exit 1
printf 'all %d passed\n' "${#tests[@]}"
