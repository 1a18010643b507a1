"""The table of cases and the table of differences, and whether they are in order."""

import inspect
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
DIFFERENCES = HERE.parent.parent / "docs" / "differences-from-shotgun_api3.md"

#: Differences that are compared by a rule of their own in compare.py, and so need no expectation in the case.
BY_RULE = ("person-session", "pages-ahead")

CASE_KEYS = {
    "name", "method", "args", "kwargs", "setup", "replies", "pages", "status", "says", "difference", "official", "ours",
    "files"
}
SETUP_KEYS = {"as", "sudo_as_login", "auth_token", "session_uuid", "user_agent", "info", "session_reply"}
SIDE_KEYS = {"requests", "returns", "raises", "status", "says", "code"}


class BadTable(Exception):
    """The tables contradict themselves."""


def cases():
    """Every case, with what its file says for all of its cases."""
    found, names = [], set()
    for path in sorted(CASES.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        extra = set(content) - {"about", "setup", "replies", "cases"}
        if extra:
            raise BadTable("%s: unknown keys %s" % (path.name, ", ".join(sorted(extra))))
        for case in content["cases"]:
            case["file"] = path.stem
            #: Whether each reply of the case must be asked for.
            case["strict"] = "replies" in case
            if "setup" in content:
                case.setdefault("setup", content["setup"])
            if "replies" in content and "pages" not in case:
                case.setdefault("replies", content["replies"])
            _check(case)
            name = "%s: %s" % (path.stem, case["name"])
            if name in names:
                raise BadTable("two cases are called %r" % name)
            names.add(name)
            found.append(case)
    return found


def _check(case):
    name = "%s: %s" % (case["file"], case.get("name", "a case without a name"))
    for where, allowed in ((case, CASE_KEYS | {"file", "strict"}), (case.get("setup", {}), SETUP_KEYS)):
        extra = set(where) - allowed
        if extra:
            raise BadTable("%s: unknown keys %s" % (name, ", ".join(sorted(extra))))
    if "name" not in case or "method" not in case:
        raise BadTable("%s: needs a name and a method" % name)
    if "args" in case and "kwargs" in case:
        raise BadTable("%s: sg_call takes positional or keyword arguments, not both" % name)
    sides = [case[side] for side in ("official", "ours") if side in case]
    for side in sides:
        extra = set(side) - SIDE_KEYS
        if extra:
            raise BadTable("%s: unknown keys %s" % (name, ", ".join(sorted(extra))))
    by_rule = case.get("difference") in BY_RULE
    if "difference" not in case and sides:
        raise BadTable("%s: expectations need the id of a difference" % name)
    if "difference" in case and not by_rule and len(sides) != 2:
        raise BadTable("%s: a difference needs what the official client does and what we do" % name)


def documented():
    """The ids of the documented differences, each with the tests in Rust that its last column names."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|.*\|([^|]*)\|$", DIFFERENCES.read_text("utf-8"), re.MULTILINE)
    found = {name: re.findall(r"`(\w+)` in `((?:src|tests)/[\w/]+\.rs)`", where) for name, where in rows}
    if len(rows) != len(found):
        raise BadTable("%s has an id twice" % DIFFERENCES.name)
    return found


def check_differences(all_cases):
    """What is wrong between the differences of the cases and those documented; empty where nothing is."""
    used, known = {case["difference"] for case in all_cases if "difference" in case}, documented()
    problems = ["the difference %r of a case is not in %s" % (each, DIFFERENCES.name) for each in sorted(used - known.keys())]
    for each in sorted(known.keys() - used):
        if not known[each]:
            problems.append("the difference %r of %s has neither a case nor a test" % (each, DIFFERENCES.name))
    for each, tests in known.items():
        for function, path in tests:
            source = HERE.parent.parent / path
            if not source.is_file() or "fn %s(" % function not in source.read_text("utf-8"):
                problems.append("%s names the test %s for %r, and %s has none" % (DIFFERENCES.name, function, each, path))
    return problems


#: Public methods of the official client that send nothing, and so have no case here.
ELSEWHERE = {"add_user_agent", "reset_user_agent", "set_session_uuid", "close", "connect", "get_auth_cookie_handler"}


def check_coverage(all_cases, client_class):
    """Public methods of the official client that no case calls."""
    methods = {
        name for name, _ in inspect.getmembers(client_class, inspect.isfunction) if not name.startswith("_")
    }
    missing = methods - {case["method"] for case in all_cases} - ELSEWHERE
    return ["no case calls %s" % name for name in sorted(missing)]
