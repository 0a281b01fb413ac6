# How every target of ours is compiled. The numeric flags are part of the promise: without
# -ffp-contract=off a compiler may fuse a * b + c where the target has FMA, and the bits change.

find_program(CCACHE ccache)
if(CCACHE)
  # Without CCACHE_DEPEND each miss would run the preprocessor first.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 ${CCACHE})
endif()

option(BALLAST_WERROR "Treat warnings as errors" ON)
set(BALLAST_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=: address,undefined or thread")
set(BALLAST_TEST_FLAGS "" CACHE STRING "Of the tests' own sources, after all others")
option(BALLAST_LINES "Say lines in reports of the sanitizers; a fifth of what compiling them takes" OFF)
option(BALLAST_FUZZ "Instrument for libFuzzer, which only clang has, and build the fuzzers" OFF)

# Most of compiling a source by itself is reading the headers that it shares with its neighbours and
# making their templates, so up to eight sources of a target are compiled as one: names in unnamed
# namespaces are unique within a target. The presets debug and lint take each source by itself.
option(BALLAST_UNITY "Compile several sources of a target together" OFF)

add_library(ballast_flags INTERFACE)
target_include_directories(ballast_flags INTERFACE ${CMAKE_SOURCE_DIR})
# g++ 12 sees uninitialized reads and overflows inside std::variant and fmt that are not there
# (GCC bugs 105562 and 107852 are of this kind); -Wall's other checks stay.
target_compile_options(ballast_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-sign-conversion
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-stringop-overflow;-Wno-array-bounds>"
  "$<$<CXX_COMPILER_ID:Clang>:-Wno-overlength-strings>"
  $<$<BOOL:${BALLAST_WERROR}>:-Werror>
  -ffp-contract=off -fno-fast-math -fno-math-errno)
if(BALLAST_SANITIZE)
  target_compile_options(ballast_flags INTERFACE
    -fsanitize=${BALLAST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(ballast_flags INTERFACE -fsanitize=${BALLAST_SANITIZE})
  if(BALLAST_LINES)
    target_compile_options(ballast_flags INTERFACE -g1)
  endif()
endif()
if(BALLAST_FUZZ)
  # Instruments without bringing a main(); tests/fuzz links it to the fuzzers.
  # The tests' own sources need it not, and are half of a build.
  target_compile_options(ballast_flags INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:BALLAST_IS_TEST>>>:-fsanitize=fuzzer-no-link>)
endif()

# ballast_library(NAME SOURCES ... PUBLIC ... PRIVATE ...): a static library of one folder.
function(ballast_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ballast_flags ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# ballast_test(NAME SOURCES ... LINK ... LABELS ...): one GoogleTest program, one ctest entry. Each
# label has a target tests_LABEL that builds just its programs.
function(ballast_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ballast_flags ${ARG_LINK} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests BALLAST_IS_TEST ON)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  foreach(label IN LISTS ARG_LABELS)
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
endfunction()
