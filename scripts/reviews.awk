# One line per review out of files named ID_STARS.txt: label, id, stars, text, with backslash, tab
# and newline escaped. -v label=L says which label the files have.

FNR == 1 {
  if (NR > 1) print ""
  name = FILENAME
  sub(/.*\//, "", name)
  sub(/\.txt$/, "", name)
  split(name, parts, "_")
  printf "%s\t%s\t%s\t", label, parts[1], parts[2]
}
FNR > 1 { printf "\\n" }
{
  gsub(/\\/, "&&")
  gsub(/\t/, "\\t")
  printf "%s", $0
}
END { if (NR > 0) print "" }
