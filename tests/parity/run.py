"""Holds this library against the official client: see README.md."""

import argparse
import os
import sys
import time

# Before the official client is imported, which looks at the zone then. One that is not UTC shows what is converted.
os.environ["TZ"] = "America/New_York"
time.tzset()
# What the table holds is the behaviour without any of these.
for name in [name for name in os.environ if name.startswith("SHOTGUN_")]:
    del os.environ[name]

import shotgun_api3  # noqa: E402

import compare  # noqa: E402
import official  # noqa: E402
import table  # noqa: E402
from folder import Folder  # noqa: E402
from ours import Library  # noqa: E402
from recorder import Site  # noqa: E402

VERSION = "3.10.3"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", default=os.environ.get("SHOTGRID_LIBRARY"), help="libshotgrid.so, by default SHOTGRID_LIBRARY")
    parser.add_argument("--only", default="", help="run only the cases with this in their name, method or file")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass, too, and what they came to")
    options = parser.parse_args()
    if not options.library:
        parser.error("--library is needed: the path of libshotgrid.so")
    return options


def run(case, library):
    """What is wrong with a case, and both sides."""
    sides = []
    for client in (official.run, library.run):
        with Site(case) as site, Folder(case) as folder:
            outcome = client({**case, **folder.placed({key: case[key] for key in ("args", "kwargs") if key in case})}, site.url)
            outcome.value = folder.displaced(outcome.value)
            outcome.files = folder.content()
        sides.append(compare.Side(outcome, site, case["method"]))
    return compare.complaints(case, *sides), sides


def main():
    options = arguments()
    if shotgun_api3.__version__ != VERSION:
        sys.exit("this is shotgun_api3 %s, and the table is for %s" % (shotgun_api3.__version__, VERSION))
    cases = table.cases()
    problems = table.check_differences(cases) + table.check_coverage(cases, shotgun_api3.Shotgun)
    for problem in problems:
        print("the tables: " + problem)
    wanted = [case for case in cases if any(options.only in case[key] for key in ("name", "method", "file"))]
    library, passed, failed = Library(os.path.abspath(options.library)), 0, 0
    for case in wanted:
        wrong, sides = run(case, library)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong or options.verbose:
            print("%s %s: %s" % ("FAILED" if wrong else "passed", case["file"], case["name"]))
        for each in wrong:
            print("  " + each)
        if options.verbose:
            print("    official %s\n    library  %s" % tuple(side.told() for side in sides))
    failed += len(problems)
    if not wanted:
        failed += 1
        print("no case has %r in its name, method or file" % options.only)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except table.BadTable as problem:
        sys.exit("the tables: %s" % problem)
