module ballast.invalid/pause

go 1.24.0
