# Run by the build (cmake -P) with -DSOURCE= and -DOUT=: writes what git calls this tree, and touches
# the file only where that changed. Without a repository (a tarball, the context of an image) the
# revision is what $BALLAST_REVISION says, else none.

set(revision "$ENV{BALLAST_REVISION}")
if(revision STREQUAL "" AND EXISTS ${SOURCE}/.git)
  execute_process(
    COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT revision MATCHES "^[0-9A-Za-z.-]*$")
  message(FATAL_ERROR "expected a revision of letters, digits, dots and dashes, saw '${revision}'; "
    "set BALLAST_REVISION to what git describe says")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT
  "#include \"cli/version.h\"\n\nconst char* const ballast::kRevision = \"${revision}\";\n" @ONLY)
