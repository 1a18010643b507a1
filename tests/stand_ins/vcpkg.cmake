# What vcpkg gives a portfile, as little of it as ours uses, so that the portfile can be run without vcpkg:
#
#     cmake -DPORT_FOLDER=… -DCURRENT_BUILDTREES_DIR=… -DCURRENT_PACKAGES_DIR=… -DVCPKG_LIBRARY_LINKAGE=static -P vcpkg.cmake

cmake_minimum_required(VERSION 3.21)

# Unpacks an archive, and tells where the one folder in it is.
function(vcpkg_extract_source_archive out)
  cmake_parse_arguments(PARSE_ARGV 1 given "" "ARCHIVE" "")
  file(ARCHIVE_EXTRACT INPUT "${given_ARCHIVE}" DESTINATION "${CURRENT_BUILDTREES_DIR}/src")
  file(GLOB folder "${CURRENT_BUILDTREES_DIR}/src/*")
  list(LENGTH folder count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "${given_ARCHIVE} holds not one folder but ${count} files")
  endif()
  set(${out} "${folder}" PARENT_SCOPE)
endfunction()

# vcpkg warns where nothing was replaced; here that is an error.
function(vcpkg_replace_string file from to)
  file(READ "${file}" text)
  string(REPLACE "${from}" "${to}" changed "${text}")
  if(changed STREQUAL text)
    message(FATAL_ERROR "${file} does not hold ${from}")
  endif()
  file(WRITE "${file}" "${changed}")
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 given "" "" "FILE_LIST")
  foreach(file IN LISTS given_FILE_LIST)
    file(READ "${file}" text)
    file(APPEND "${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright" "${text}")
  endforeach()
endfunction()

set(PORT libshotgrid)
include("${PORT_FOLDER}/portfile.cmake")
