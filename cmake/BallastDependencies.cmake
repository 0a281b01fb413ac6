# Everything comes from the distribution's packages; `./dev setup` installs them. Debian 12 has the
# CMake files named here; where a package elsewhere leaves them out, pkg-config answers instead.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# ballast_find(PACKAGE TARGET MODULE): the target from the package's own CMake files, else one of
# the same name from its pkg-config module.
macro(ballast_find package target module)
  find_package(${package} QUIET)
  if(TARGET ${target})
    message(STATUS "Found ${package} ${${package}_VERSION}")
  else()
    pkg_check_modules(${package}_PKG REQUIRED IMPORTED_TARGET ${module})
    add_library(${target} ALIAS PkgConfig::${package}_PKG)
  endif()
endmacro()

find_package(CapnProto REQUIRED)  # Has capnp_generate_cpp, which pkg-config has not.
find_package(Boost 1.74 REQUIRED)
find_package(GTest REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.85 REQUIRED)  # The first with CURLOPT_PROTOCOLS_STR.
ballast_find(RocksDB RocksDB::rocksdb rocksdb)
ballast_find(CLI11 CLI11::CLI11 CLI11)
ballast_find(nlohmann_json nlohmann_json::nlohmann_json nlohmann_json)
ballast_find(fmt fmt::fmt fmt)
ballast_find(spdlog spdlog::spdlog spdlog)
ballast_find(prometheus-cpp prometheus-cpp::core prometheus-cpp-core)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(PUGIXML REQUIRED IMPORTED_TARGET pugixml)
pkg_check_modules(CBLAS REQUIRED IMPORTED_TARGET openblas)

# yaml-cpp's target is called yaml-cpp up to 0.7 (Debian 12) and yaml-cpp::yaml-cpp after.
find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
