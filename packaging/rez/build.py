"""Unpacks the archive into the package, and compiles the tour of the first page as sg_demo."""

import os
import subprocess
import sys
import tarfile


def main():
    archive = os.environ.get("SHOTGRID_ARCHIVE")
    if not archive:
        sys.exit("SHOTGRID_ARCHIVE must name the release archive (libshotgrid-….tar.gz)")
    if "install" not in sys.argv[1:]:
        return
    prefix = os.environ["REZ_BUILD_INSTALL_PATH"]
    with tarfile.open(archive) as tree:
        for member in tree.getmembers():
            # Without the one folder that everything is in.
            _, _, member.name = member.name.partition("/")
            if member.name:
                tree.extract(member, prefix)
    os.makedirs(os.path.join(prefix, "bin"), exist_ok=True)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "shotgrid"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PKG_CONFIG_PATH": os.path.join(prefix, "lib/pkgconfig")},
    ).stdout.split()
    source = os.path.join(prefix, "share/doc/libshotgrid/examples/c/quickstart.c")
    program = os.path.join(prefix, "bin/sg_demo")
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-D_GNU_SOURCE", "-o", program, source, *flags], check=True)


main()
