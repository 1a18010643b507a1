"""The official client's side of a case."""

import copy
import datetime

import shotgun_api3

from outcome import Outcome

WIRE_TIME = "%Y-%m-%dT%H:%M:%SZ"


def run(case, url):
    """Connects as the case says, makes its call, and tells what it came to."""
    setup = case.get("setup", {})
    try:
        client = _connect(setup, url)
        if "session_uuid" in setup:
            client.set_session_uuid(setup["session_uuid"])
        if "user_agent" in setup:
            client.add_user_agent(setup["user_agent"])
        method = getattr(client, case["method"])
        # The client changes some of its arguments.
        args = copy.deepcopy(case.get("args", []))
        value = method(*args, **copy.deepcopy(case.get("kwargs", {})))
    except Exception as error:  # whatever it is, it is what the client does
        classes = [each.__name__ for each in type(error).__mro__]
        return Outcome(error=classes[0], message=str(error), classes=classes, code=getattr(error, "error_code", None))
    return Outcome(value=_marked(value))


def _connect(setup, url):
    kind = setup.get("as", "script")
    credentials = {
        "script": {"script_name": "robot", "api_key": "0123abcd"},
        "user": {"login": "anna", "password": "pässword"},
        "session": {"session_token": "a token from elsewhere"},
    }[kind]
    for name in ("sudo_as_login", "auth_token"):
        if name in setup:
            credentials[name] = setup[name]
    return shotgun_api3.Shotgun(url, **credentials)


def _marked(value):
    """The value as JSON; what JSON has no word for is marked."""
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.astimezone(datetime.timezone.utc).strftime(WIRE_TIME)}
    if isinstance(value, bytes):
        return {"$bytes": value.decode("utf-8")}
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(each) for each in value]
    return value


def unmarked(value):
    """The value with date-times and bytes as the text that the site sent."""
    if isinstance(value, dict):
        if len(value) == 1:
            (key, text), = value.items()
            if key in ("$datetime", "$bytes"):
                return text
        return {key: unmarked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [unmarked(each) for each in value]
    return value
