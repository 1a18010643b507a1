"""Whether the two sides of a case did the same, or differ exactly as declared."""

import json

import official as official_side

#: The most pages that this library asks for behind the last one. One less than it asks for at once.
PAGES_IN_VAIN = 3

#: An exception class of the official client, and the statuses of ours that stand for it. A class of statuses stands
#: for its details. The first row that the exception is an instance of counts.
ERRORS = (
    ("AuthenticationFault", ("AUTH_CREDENTIALS", "AUTH_SESSION_EXPIRED", "AUTH_SUDO_TARGET")),
    ("MissingTwoFactorAuthenticationFault", ("AUTH_TWO_FACTOR",)),
    ("UserCredentialsNotAllowedForSSOAuthenticationFault", ("AUTH_SSO",)),
    ("UserCredentialsNotAllowedForOxygenAuthenticationFault", ("AUTH_IDENTITY",)),
    ("Fault", ("PERMISSION", "REJECTED", "NOT_FOUND", "CONFLICT", "SERVER_FAULT")),
    ("ProtocolError", ("UNAVAILABLE", "SERVER_FAULT", "RATE_LIMITED", "REJECTED", "AUTH_BLOCKED", "PROTOCOL", "TIMEOUT")),
)

#: Statuses of ours that stand for whatever the official client raises before it sends anything.
LOCAL_ERRORS = ("INVALID_ARGUMENT", "UNSUPPORTED", "PROTOCOL", "IO")


def same(left, right):
    """Equality that tells 1, 1.0 and true apart. The order of an object's keys is nothing."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right))
    return left == right


def shown(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Side:
    """What one client sent and what its call came to."""

    def __init__(self, outcome, site, method):
        self.outcome = outcome
        self.unanswered = site.unanswered
        self.unused = site.unused()
        every = list(site.requests)
        # Both clients ask for `info` when they need it; only a call of that method itself is compared.
        asked = [request for request in every if request.method == "info"][-1:] if method == "info" else []
        self.requests = [request for request in every if request.method != "info"] + asked

    def sent(self):
        """The requests as they are compared."""
        return [
            [request.verb, request.path, _kind(request), request.method, request.auth, *request.arguments]
            if request.form is None
            else [request.verb, request.path, _kind(request), request.form]
            for request in self.requests
        ]

    def told(self):
        """The outcome as a difference shows it."""
        outcome = self.outcome
        if outcome.failed:
            return "fails: %s (code %s): %s" % (outcome.error, outcome.code, outcome.message)
        return "returns: %s" % shown(outcome.value)


def _kind(request):
    """The content type, without a boundary."""
    return request.kind.split("; boundary=")[0]


def complaints(case, theirs, ours):
    """Everything that is not as it should be, each as a few lines of text."""
    found = []
    expected = case.get("official", {}), case.get("ours", {})
    found += _requests(case, theirs, ours, *expected)
    found += _outcomes(case, theirs, ours, *expected)
    if "official" in case and _equal(theirs, ours):
        found.append("there is no difference any more: both sides do the same")
    for name, side in (("official client", theirs), ("library", ours)):
        if side.unanswered:
            found.append("the %s made %d requests that the case has no reply for" % (name, side.unanswered))
    if case["strict"] and theirs.unused and ours.unused:
        found.append("%d replies of the case were asked for by neither side" % min(theirs.unused, ours.unused))
    return found


def _equal(theirs, ours):
    left, right = theirs.outcome, ours.outcome
    if left.failed != right.failed or not same(theirs.sent(), ours.sent()):
        return False
    if left.failed:
        return _stands_for(theirs, right.error) and left.code == right.code
    return same(left.value, right.value)


# Requests


def _requests(case, theirs, ours, expected_theirs, expected_ours):
    found = []
    for name, side, expected in (("official client", theirs, expected_theirs), ("library", ours, expected_ours)):
        if "requests" in expected:
            found += _expected_requests(name, side, expected["requests"])
    if "requests" in expected_theirs or "requests" in expected_ours:
        return found
    left, right = theirs.sent(), ours.sent()
    if case.get("difference") == "person-session":
        right = _person_for_session(right, ours)
    if case.get("difference") == "pages-ahead":
        left, right = _by_page(left), _without_pages_in_vain(left, _by_page(right))
    if not same(left, right):
        found.append("requests differ\n" + _diff(left, right))
    if _agents(theirs) and case.get("setup", {}).get("user_agent"):
        wanted = case["setup"]["user_agent"]
        found += [
            "the user agent of the %s does not end with %r: %s" % (name, wanted, agent)
            for name, side in (("official client", theirs), ("library", ours))
            for agent in _agents(side)
            if not agent.endswith(wanted)
        ]
    return found


def _agents(side):
    return {request.headers.get("user-agent", "") for request in side.requests}


def _expected_requests(name, side, expected):
    """`expected` is how many requests there are, or for each what it has of "method", "auth" and "params"."""
    count = expected if isinstance(expected, int) else len(expected)
    if count != len(side.requests):
        return ["the %s made %d requests, not %d" % (name, len(side.requests), count)]
    if isinstance(expected, int):
        return []
    sent = [
        {key: value for key, value in _parts(request).items() if key in wanted}
        for request, wanted in zip(side.requests, expected)
    ]
    return [] if same(sent, expected) else ["the %s sent something else\n%s" % (name, _diff(expected, sent, "expected", "sent"))]


def _parts(request):
    params = request.arguments[0] if request.arguments else None
    return {"method": request.method, "auth": request.auth, "params": params}


def _person_for_session(sent, side):
    """A person's login and password in the place of the token that they were exchanged for."""
    exchange = [request.auth for request in side.requests if request.method == "get_session_token"]
    exchanged = []
    for verb, path, kind, method, auth, *arguments in sent:
        if method == "get_session_token":
            continue
        if auth.get("session_token") == "the session's token" and exchange:
            others = {key: value for key, value in auth.items() if key not in ("session_token", "reject_if_expired")}
            auth = {**exchange[0], **others}
        exchanged.append([verb, path, kind, method, auth, *arguments])
    return exchanged


def _page(request):
    return request[5]["paging"]["current_page"]


def _by_page(sent):
    return sorted(sent, key=_page)


def _without_pages_in_vain(left, right):
    """What was asked for behind the last page, which is as the others but for its number."""
    last = max(map(_page, left), default=0)
    vain = [request for request in right if _page(request) > last]
    numbers = {_page(request) for request in vain}
    if len(numbers) < len(vain) or max(numbers, default=last) > last + PAGES_IN_VAIN:
        return right
    for request in vain:
        like_the_last = json.loads(json.dumps(left[-1]))
        like_the_last[5]["paging"]["current_page"] = _page(request)
        if not same(like_the_last, request):
            return right
    return [request for request in right if _page(request) <= last]


# Outcomes


def _outcomes(case, theirs, ours, expected_theirs, expected_ours):
    found = _expected_outcome("official client", theirs, expected_theirs, marked=True)
    found += _expected_outcome("library", ours, expected_ours, marked=False)
    said = expected_ours.get("says", case.get("says"))
    if ours.outcome.failed:
        message = ours.outcome.message
        if said and said not in message:
            found.append("the library's message has no %r: %s" % (said, message))
        wanted = expected_ours.get("status", case.get("status"))
        if wanted != ours.outcome.error:
            found.append("the library answers %s, and the case says %s: %s" % (ours.outcome.error, wanted, message))
    elif said or "status" in case:
        found.append("the library succeeds where the case says that it fails\n    " + ours.told())
    if {"returns", "raises", "status"} & (expected_theirs.keys() | expected_ours.keys()):
        return found
    return found + _alike(theirs, ours)


def _expected_outcome(name, side, expected, marked):
    found, outcome = [], side.outcome
    if "returns" in expected:
        value = outcome.value if marked else official_side.unmarked(outcome.value)
        if outcome.failed or not same(value, expected["returns"]):
            found.append("the %s should return %s\n    and %s" % (name, shown(expected["returns"]), side.told()))
    for key, got in (("raises", outcome.error), ("status", outcome.error), ("code", outcome.code)):
        if key in expected and expected[key] != got:
            found.append("the %s: %s should be %r\n    and it %s" % (name, key, expected[key], side.told()))
    return found


def _alike(theirs, ours):
    left, right = theirs.outcome, ours.outcome
    if left.failed != right.failed:
        return ["outcomes differ\n" + _both(theirs, ours)]
    if left.files != right.files:
        return ["files differ: %s and %s" % (shown(left.files), shown(right.files))]
    if not left.failed:
        return [] if same(official_side.unmarked(left.value), right.value) else ["values differ\n" + _both(theirs, ours)]
    if not _stands_for(theirs, right.error):
        return ["the errors are of different kinds\n" + _both(theirs, ours)]
    # Where the site says nothing, each client has words of its own.
    if "Fault" in left.classes and right.said and left.message != right.said:
        return ["the site's words differ\n" + _both(theirs, ours)]
    return []


def _stands_for(theirs, status):
    for name, statuses in ERRORS:
        if name in theirs.outcome.classes:
            return _is_one_of(status, statuses)
    return not theirs.requests and _is_one_of(status, LOCAL_ERRORS)


def _is_one_of(status, statuses):
    return any(status == each or status.startswith(each + "_") for each in statuses)


# Showing


def _both(theirs, ours):
    return "    official %s\n    library  %s" % (theirs.told(), ours.told())


def _diff(left, right, left_name="official", right_name="library"):
    lines = []
    for position in range(max(len(left), len(right))):
        pair = [side[position] if position < len(side) else None for side in (left, right)]
        if same(*pair):
            continue
        names = (left_name.ljust(8), right_name.ljust(8))
        lines += [
            "    %d %s %s" % (position + 1, name, "nothing" if each is None else shown(each))
            for name, each in zip(names, pair)
        ]
        lines += ["      " + line for line in _places(*pair, place="")] if None not in pair else []
    return "\n".join(lines)


def _places(left, right, place):
    """Where two values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            if key not in left or key not in right:
                yield "at %s.%s: only on the %s" % (place, key, "left" if key in left else "right")
            elif not same(left[key], right[key]):
                yield from _places(left[key], right[key], "%s.%s" % (place, key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right)):
            if not same(*pair):
                yield from _places(*pair, "%s[%d]" % (place, index))
    else:
        yield "at %s: %s and %s" % (place or "the top", shown(left), shown(right))
