# A Rez package out of a release archive. SHOTGRID_ARCHIVE names the archive:
#
#     SHOTGRID_ARCHIVE=/downloads/libshotgrid-….tar.gz rez build --install
#     rez env shotgrid -- sg_demo <site-url> <login> <password> <script-name> <api-key>

name = "shotgrid"
version = "0.1.0"
description = "C library for Autodesk Flow Production Tracking (ShotGrid) sites"
tools = ["sg_demo"]
build_command = "python3 {root}/build.py {install}"


def commands():
    env.PATH.prepend("{root}/bin")
    env.LD_LIBRARY_PATH.prepend("{root}/lib")
    env.PKG_CONFIG_PATH.prepend("{root}/lib/pkgconfig")
    env.CMAKE_PREFIX_PATH.prepend("{root}")
    # What the modules of other languages in share/doc/libshotgrid/examples look for.
    env.SHOTGRID_LIBRARY = "{root}/lib/libshotgrid.so"
