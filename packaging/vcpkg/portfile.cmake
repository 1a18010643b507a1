# An overlay port out of a release archive. vcpkg itself has never run it: `cargo xtask dist --all` does, with functions that stand in for vcpkg's.
#
#     SHOTGRID_ARCHIVE=/downloads/libshotgrid-….tar.gz vcpkg install libshotgrid --overlay-ports=packaging/vcpkg

# The archive has no debug build.
set(VCPKG_BUILD_TYPE release)
set(VCPKG_POLICY_MISMATCHED_NUMBER_OF_BINARIES enabled)

if(NOT DEFINED ENV{SHOTGRID_ARCHIVE})
  message(FATAL_ERROR "SHOTGRID_ARCHIVE must name the release archive (libshotgrid-….tar.gz)")
endif()
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "$ENV{SHOTGRID_ARCHIVE}")

file(INSTALL "${SOURCE_PATH}/include" DESTINATION "${CURRENT_PACKAGES_DIR}")
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(INSTALL "${SOURCE_PATH}/lib/libshotgrid.a" DESTINATION "${CURRENT_PACKAGES_DIR}/lib")
else()
  file(INSTALL "${SOURCE_PATH}/lib/libshotgrid.so" DESTINATION "${CURRENT_PACKAGES_DIR}/lib" FOLLOW_SYMLINK_CHAIN)
endif()
file(INSTALL "${SOURCE_PATH}/lib/pkgconfig/shotgrid.pc" DESTINATION "${CURRENT_PACKAGES_DIR}/lib/pkgconfig")

# vcpkg wants what CMake finds in share, from where the library is another way.
file(INSTALL "${SOURCE_PATH}/lib/cmake/shotgrid" DESTINATION "${CURRENT_PACKAGES_DIR}/share")
vcpkg_replace_string("${CURRENT_PACKAGES_DIR}/share/shotgrid/shotgrid-config.cmake"
  "\${CMAKE_CURRENT_LIST_DIR}/../.." "\${CMAKE_CURRENT_LIST_DIR}/../../lib")

vcpkg_install_copyright(FILE_LIST
  "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE" "${SOURCE_PATH}/THIRD-PARTY.md")
