# An overlay port out of a release archive. Written by the manual and not run so far.
#
#     SHOTGRID_ARCHIVE=/downloads/libshotgrid-….tar.gz vcpkg install libshotgrid --overlay-ports=packaging/vcpkg

set(VCPKG_POLICY_MISMATCHED_NUMBER_OF_BINARIES enabled)

if(NOT DEFINED ENV{SHOTGRID_ARCHIVE})
  message(FATAL_ERROR "SHOTGRID_ARCHIVE must name the release archive (libshotgrid-….tar.gz)")
endif()
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "$ENV{SHOTGRID_ARCHIVE}")

file(INSTALL "${SOURCE_PATH}/include" DESTINATION "${CURRENT_PACKAGES_DIR}")
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(INSTALL "${SOURCE_PATH}/lib/libshotgrid.a" DESTINATION "${CURRENT_PACKAGES_DIR}/lib")
else()
  file(GLOB shared "${SOURCE_PATH}/lib/libshotgrid.so*")
  file(INSTALL ${shared} DESTINATION "${CURRENT_PACKAGES_DIR}/lib" FOLLOW_SYMLINK_CHAIN)
endif()
file(INSTALL "${SOURCE_PATH}/lib/pkgconfig" DESTINATION "${CURRENT_PACKAGES_DIR}/lib")
# It finds the prefix three folders up, and only the library that is there.
file(INSTALL "${SOURCE_PATH}/lib/cmake" DESTINATION "${CURRENT_PACKAGES_DIR}/lib")
vcpkg_install_copyright(FILE_LIST
  "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE" "${SOURCE_PATH}/THIRD-PARTY.md")
