# One table out of MovieLens' files: a line per rating, with what is known of the user and of the
# film. Usage, with the three files unpacked: awk -f ratings.awk u.user u.item u.data
#
#   u.user  id|age|gender|occupation|zip code
#   u.item  id|title|01-Jan-1995|video release date|address|a 0 or 1 for each of 19 genres
#   u.data  user, item, rating and time, separated by tabs

BEGIN {
  OFS = ","
  print "user,age,gender,occupation,item,year,unknown,action,adventure,animation,children,comedy," \
    "crime,documentary,drama,fantasy,film_noir,horror,musical,mystery,romance,sci_fi,thriller,war," \
    "western,time,rating"
}

FNR == 1 {
  part += 1
  FS = part == 3 ? "\t" : "|"
  $0 = $0 # The first line was cut by the rule of the file before.
}

part == 1 { user[$1] = $2 OFS $3 OFS $4 }

part == 2 {
  film = substr($3, 8) # Empty: the release date is not known.
  for (i = 6; i <= 24; ++i) film = film OFS $i
  item[$1] = film
}

part == 3 {
  if (!($1 in user) || !($2 in item)) {
    print "ratings.awk: a rating of user " $1 " for item " $2 ", and one of them is not listed" \
      >"/dev/stderr"
    exit 1
  }
  print $1, user[$1], $2, item[$2], $4, $3
}
