# A Conan 2 package out of a release archive, whose path is given by configuration:
#
#     conan create packaging/conan -c user.shotgrid:archive=/downloads/libshotgrid-….tar.gz [-o shotgrid/*:shared=False]

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, unzip


class ShotgridConan(ConanFile):
    name = "shotgrid"
    version = "0.1.0"
    description = "C library for Autodesk Flow Production Tracking (ShotGrid) sites"
    license = "MIT OR Apache-2.0"
    package_type = "library"
    settings = "os", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def validate(self):
        if self.settings.os != "Linux" or self.settings.arch != "x86_64":
            raise ConanInvalidConfiguration("release archives are made for x86_64 Linux; build from source elsewhere")

    def build(self):
        archive = self.conf.get("user.shotgrid:archive")
        if not archive:
            raise ConanInvalidConfiguration("-c user.shotgrid:archive=PATH must name the release archive")
        unzip(self, archive, strip_root=True)

    def package(self):
        copy(self, "*.h*", os.path.join(self.build_folder, "include"), os.path.join(self.package_folder, "include"))
        for pattern in ["libshotgrid.so*"] if self.options.shared else ["libshotgrid.a"]:
            copy(self, pattern, os.path.join(self.build_folder, "lib"), os.path.join(self.package_folder, "lib"))
        for pattern in ["LICENSE-*", "THIRD-PARTY.md"]:
            copy(self, pattern, self.build_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.libs = ["shotgrid"]
        self.cpp_info.set_property("cmake_file_name", "shotgrid")
        self.cpp_info.set_property("pkg_config_name", "shotgrid")
        target = "shotgrid::shotgrid" if self.options.shared else "shotgrid::shotgrid_static"
        self.cpp_info.set_property("cmake_target_name", target)
        if not self.options.shared:
            self.cpp_info.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl"]
