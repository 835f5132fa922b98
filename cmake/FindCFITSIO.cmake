# SPDX-License-Identifier: BSD-3-Clause
# Finds CFITSIO, whose distribution packages carry no CMake package. Target CFITSIO::CFITSIO; variables CFITSIO_FOUND and
# CFITSIO_VERSION; CFITSIO_ROOT or a pkg-config file points to an installation elsewhere.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_CFITSIO QUIET cfitsio)
endif()
find_path(CFITSIO_INCLUDE_DIR fitsio.h HINTS ${PC_CFITSIO_INCLUDE_DIRS} PATH_SUFFIXES cfitsio)
find_library(CFITSIO_LIBRARY cfitsio HINTS ${PC_CFITSIO_LIBRARY_DIRS})
mark_as_advanced(CFITSIO_INCLUDE_DIR CFITSIO_LIBRARY)

if(CFITSIO_INCLUDE_DIR)  # 4.2.0 as three numbers; before 4.0 there was no CFITSIO_MICRO
  file(STRINGS "${CFITSIO_INCLUDE_DIR}/fitsio.h" lines REGEX "#define CFITSIO_(MAJOR|MINOR|MICRO)[ \t]+[0-9]+")
  set(CFITSIO_VERSION "")
  foreach(part IN ITEMS MAJOR MINOR MICRO)
    if(lines MATCHES "CFITSIO_${part}[ \t]+([0-9]+)")
      list(APPEND CFITSIO_VERSION "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN CFITSIO_VERSION "." CFITSIO_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CFITSIO REQUIRED_VARS CFITSIO_LIBRARY CFITSIO_INCLUDE_DIR VERSION_VAR CFITSIO_VERSION)

if(CFITSIO_FOUND AND NOT TARGET CFITSIO::CFITSIO)
  add_library(CFITSIO::CFITSIO UNKNOWN IMPORTED)
  set_target_properties(CFITSIO::CFITSIO PROPERTIES
    IMPORTED_LOCATION "${CFITSIO_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${CFITSIO_INCLUDE_DIR}")
endif()
