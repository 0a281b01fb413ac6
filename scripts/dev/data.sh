# data: fetch a data set that an example needs, and check it.
#
# Usage: ./dev data NAME|all [--into DIRECTORY]
#        ./dev data list
#
# Puts the set into examples/NAME/data. It comes from $BALLAST_DATA_MIRROR, or ../shared/data, when
# the files are there; otherwise from the public source. Either way the content must have the
# SHA-256 that scripts/data.tsv names. What is there and right already is not fetched again. A table
# that takes several files of a set is put together from them.

# shellcheck shell=bash

dev_data() {
  local name=${1:-list} into=
  (($# == 0)) || shift
  while (($# > 0)); do
    case $1 in
      --into)
        (($# > 1)) || fail_usage "data: --into expects a directory"
        into=$2
        shift 2
        ;;
      *) fail_usage "data: unknown argument '$1'; the only option is --into DIRECTORY" ;;
    esac
  done

  local set known
  mapfile -t known < <(set_names)
  case $name in
    list) list_sets ;;
    all)
      for set in "${known[@]}"; do
        fetch_set "$set" "${into:+$into/$set}"
      done
      ;;
    *)
      [[ " ${known[*]} " == *" $name "* ]] ||
        fail_usage "data: expected the name of a data set, saw '$name'; there are: ${known[*]} all"
      fetch_set "$name" "$into"
      ;;
  esac
}

data_table() { grep -v '^#' "${BALLAST_DATA_TABLE:-scripts/data.tsv}"; }

set_names() { data_table | cut -f1 | uniq; }

mirror_root() { printf '%s' "${BALLAST_DATA_MIRROR:-../shared/data}"; }

list_sets() {
  local set file path state
  printf '%-14s %-8s %s\n' digits shipped examples/digits
  while IFS=$'\t' read -r set file _; do
    path=examples/$set/data/$file
    state=absent
    [[ ! -f $path ]] || state=here
    printf '%-14s %-8s %s\n' "$set" "$state" "$path"
  done < <(data_table)
}

# fetch_set NAME DIRECTORY: an empty directory stands for the example's own.
fetch_set() {
  local wanted=$1 into=${2:-examples/$1/data}
  mkdir -p "$into"
  scratch=$(mktemp -d)
  trap 'rm -rf -- "$scratch"' EXIT

  local set file sha mirror mirror_filter url url_filter url_sha
  while IFS=$'\t' read -r set file sha mirror mirror_filter url url_filter url_sha; do
    [[ $set == "$wanted" ]] || continue
    if has_content "$into/$file" "$sha"; then
      say "$set: $into/$file is there"
    elif [[ $mirror == - ]]; then
      from_the_others
    elif [[ -f $(mirror_root)/$mirror ]]; then
      from_mirror
    else
      from_source
    fi
  done < <(data_table)

  rm -rf -- "$scratch"
  trap - EXIT
}

# The ways in. They read the columns of the row that fetch_set is at.

from_mirror() {
  unpacked "$(mirror_root)/$mirror" | "$mirror_filter" >"$scratch/content"
  local seen
  seen=$(sha_of "$scratch/content")
  [[ $seen == "$sha" ]] ||
    fail "$set: expected $(mirror_root)/$mirror to hold content with SHA-256 $sha, saw $seen;" \
      "remove it or set BALLAST_DATA_MIRROR to another directory"
  keep
  say "$set: $into/$file comes from $(mirror_root)/$mirror"
}

# What the rows above it name is there: fetch_set ends at the first file that cannot be had.
from_the_others() {
  "$mirror_filter" "$into" >"$scratch/content"
  local seen
  seen=$(sha_of "$scratch/content")
  [[ $seen == "$sha" ]] ||
    fail "$set: expected $file to hold content with SHA-256 $sha, saw $seen; what puts it together," \
      "$mirror_filter in scripts/dev/data.sh, has changed, or awk here is another"
  keep
  say "$set: $into/$file is put together from the others"
}

from_source() {
  local download
  download=$scratch/$(basename "$url")
  [[ -f $download ]] || download_source
  unpacked "$download" | "$url_filter" >"$scratch/content" ||
    fail "$set: could not read $file out of what $url sent"

  local seen
  seen=$(sha_of "$scratch/content")
  if [[ $seen != "$sha" ]]; then
    [[ $url_sha != - ]] ||
      fail "$set: expected $url to hold content with SHA-256 $sha, saw $seen; the source has" \
        "changed or the download is damaged, and nothing was kept"
    say "$set: the archive is the right one, but $file came out of it with other bytes than in our" \
      "copy (SHA-256 $seen, not $sha): digests will differ from those in the README"
  fi
  keep
  say "$set: $into/$file comes from $url"
}

download_source() {
  command -v curl >/dev/null || fail "$set: downloads need curl; run './dev setup' first"
  say "$set: downloading $url"
  curl -fsL --retry 2 --connect-timeout 15 -o "$download" "$url" ||
    fail "$set: $file is not in $(mirror_root), and curl cannot get $url; try again with" \
      "a network, or set BALLAST_DATA_MIRROR to a directory that holds $mirror"
  [[ $url_sha == - || $(sha_of "$download") == "$url_sha" ]] ||
    fail "$set: expected $url to have SHA-256 $url_sha, saw $(sha_of "$download"); the source has" \
      "changed or the download is damaged, and nothing was kept"
}

# Renamed into place last, so that a file in an example's directory is always whole.
keep() {
  gzip -n -c "$scratch/content" >"$into/$file.part"
  mv "$into/$file.part" "$into/$file"
}

sha_of() {
  local sum
  sum=$(sha256sum "$1")
  printf '%s' "${sum%% *}"
}

has_content() {
  [[ -f $1 ]] && gzip -t "$1" 2>/dev/null && [[ $(gzip -dc "$1" | sha256sum) == "$2 "* ]]
}

# The bytes of a file, gunzipped if need be; archives stay as they are.
unpacked() {
  case $1 in
    *.tar.gz | *.zip) cat "$1" ;;
    *) gzip -dcf "$1" ;;
  esac
}

# The filters: standard input to standard output.

same() { cat; }

# UCI's adult.test opens with a remark.
without_first_line() { tail -n +2; }

# The mirror marks which reviews one book holds out for validation; the archive does not.
without_part_column() { cut -f1-3,5; }

reviews_of_train() { reviews_of train; }
reviews_of_test() { reviews_of test; }

# The archive has one file per review, PART/LABEL/ID_STARS.txt. One line each comes out of it, by
# label and id; scripts/reviews.awk says in what form.
reviews_of() {
  local part=$1 label=0 folder path
  tar -xzf - -C "$scratch" "aclImdb/$part/neg" "aclImdb/$part/pos"
  printf 'label\tid\tstars\ttext\n'
  for folder in neg pos; do
    path=$scratch/aclImdb/$part/$folder
    find "$path" -name '*.txt' -printf '%f\n' | sort -t_ -k1,1n | sed "s#^#$path/#" |
      LC_ALL=C xargs awk -v label="$label" -f scripts/reviews.awk
    label=$((label + 1))
  done
}

hours_of_zip() { file_of_zip hour.csv; }
ratings_of_zip() { file_of_zip ml-100k/u.data; }
films_of_zip() { file_of_zip ml-100k/u.item; }
users_of_zip() { file_of_zip ml-100k/u.user; }

file_of_zip() {
  cat >"$scratch/archive"
  python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$scratch/archive" "$1"
}

# Takes the directory of the files.
joined_ratings() {
  local file
  for file in u.user u.item u.data; do
    gzip -dc "$1/$file.gz" >"$scratch/$file"
  done
  LC_ALL=C awk -f scripts/ratings.awk "$scratch"/{u.user,u.item,u.data}
}
