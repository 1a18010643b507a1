#!/usr/bin/env python3
"""The official Python client against sites with every way to sign in.

Usage: official_sign_in.py COMMAND

COMMAND is the `shotgrid-sandbox` program; each check starts sites of its own with it. One line is printed for each check; the
exit code is 0 only if all of them passed. Wants shotgun_api3 (3.10.3) to be installed, and the default seed.
"""

import contextlib
import http.cookiejar
import json
import re
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

import shotgun_api3
from official_checks import equal, refused
from shotgun_api3 import (
    AuthenticationFault,
    MissingTwoFactorAuthenticationFault,
    ProtocolError,
    Shotgun,
    UserCredentialsNotAllowedForSSOAuthenticationFault,
)
from shotgun_api3.shotgun import UserCredentialsNotAllowedForOxygenAuthenticationFault

TIMEOUT_SECONDS = 20
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def refused_as(kind, text, call, *arguments, **options):
    """As refused(), with a fault of just that kind and none that is derived from it."""
    fault = refused(kind, text, call, *arguments, **options)
    equal(type(fault), kind)
    return fault


class Site:
    def __init__(self, ready):
        self.url = ready["url"]
        self.name, self.key = ready["script_name"], ready["api_key"]
        self.people = {person["login"]: person for person in ready["people"]}

    def bounded(self, client):
        client.config.timeout_secs = TIMEOUT_SECONDS
        return client

    def script(self, **options):
        return self.bounded(Shotgun(self.url, self.name, self.key, **options))

    def artist(self, **options):
        options.setdefault("password", self.people["artist"]["password"])
        return self.bounded(Shotgun(self.url, login="artist", **options))

    def session(self, token):
        return self.bounded(Shotgun(self.url, session_token=token))

    def browser(self, login):
        """Signs in on the site's page, and gives the browser and the session's token."""
        cookies = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
        submit(browser, f"{self.url}/user/login", {"login": login, "password": self.people[login]["password"]})
        return browser, next(cookie.value for cookie in cookies if cookie.name == "_session_id")


def submit(browser, url, fields):
    """Sends a page's form, with the token that the page has for it."""
    with browser.open(url, timeout=TIMEOUT_SECONDS) as page:
        token = re.search(r'name="form_token" value="([^"]+)"', page.read().decode()).group(1)
    body = urllib.parse.urlencode({"form_token": token, **fields}).encode()
    with browser.open(url, body, timeout=TIMEOUT_SECONDS) as answer:
        return answer.read().decode()


@contextlib.contextmanager
def site(*options):
    with subprocess.Popen(
        [COMMAND, "serve", "--exit-with-stdin", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Site(json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(TIMEOUT_SECONDS)


def code_of(secret):
    return subprocess.run([COMMAND, "code", secret], capture_output=True, text=True, check=True).stdout.strip()


def projects(client):
    return [project["id"] for project in client.find("Project", [])]


@check
def a_second_factor():
    with site("--two-factor") as here:
        refused_as(MissingTwoFactorAuthenticationFault, "its code is missing", here.artist().find, "Project", [])
        refused_as(AuthenticationFault, "Can't authenticate user 'artist'.", here.artist(password="wrong").find, "Project", [])
        code = code_of(here.people["artist"]["totp_secret"])
        client = here.artist(auth_token=code)
        # The client changed it for a session at once, and has forgotten the password.
        assert client.config.session_token and client.config.user_password is None
        equal(projects(client), [1])
        equal(projects(here.session(client.get_session_token())), [1])
        refused_as(MissingTwoFactorAuthenticationFault, "was used before", here.artist, auth_token=code)
        password = here.people["manager"]["password"]
        manager = here.people["manager"]["totp_secret"]
        refused_as(MissingTwoFactorAuthenticationFault, "missing", here.script().authenticate_human_user, "manager", password)
        found = here.script().authenticate_human_user("manager", password, code_of(manager))
        equal(found["login"], "manager")


@check
def single_sign_on():
    with site("--sign-in", "saml", "--claims-lifetime", "1") as here:
        equal(here.script().info()["user_authentication_method"], "saml2")
        refused_as(UserCredentialsNotAllowedForSSOAuthenticationFault, "single sign-on", here.artist().find, "Project", [])
        refused_as(UserCredentialsNotAllowedForSSOAuthenticationFault, "single sign-on", here.artist, auth_token="123456")
        _, token = here.browser("artist")
        client = here.session(token)
        equal(projects(client), [1])
        time.sleep(1.2)
        fault = refused_as(ProtocolError, "302", client.find, "Project", [])
        equal((fault.errcode, fault.headers["location"]), (302, f"{here.url}/saml/saml_login_request"))
        # Signed on again, the person goes on in the same session.
        here.browser("artist")
        equal(projects(client), [1])
        equal(projects(here.script(sudo_as_login="artist")), [1])


@check
def autodesk_identity():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as seed:
        people = {"rows": [{"login": "ann@studio.example", "firstname": "Ann", "role": "artist", "password": "ann-pass-1",
                            "personal_access_token": {"legacy_login": "ann", "legacy_passphrase": "legacy words"}}]}
        allow = [{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity"]}]
        roles = [{"code": "artist", "display_name": "Artist", "entity_type": "HumanUser", "rules": allow},
                 {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": allow}]
        scripts = {"type": "ApiUser", "rows": [{"firstname": "robot", "role": "api_admin"}]}
        json.dump({"authentication": {"sign_in": "identity"}, "roles": roles, "entities": [scripts, {"type": "HumanUser", **people}]}, seed)
        seed.flush()
        with site("--seed", seed.name) as here:
            equal(here.script().info()["user_authentication_method"], "oxygen")
            own = here.bounded(Shotgun(here.url, login="ann@studio.example", password="ann-pass-1"))
            refused_as(UserCredentialsNotAllowedForOxygenAuthenticationFault, "Autodesk Identity", own.find, "Project", [])
            legacy = here.bounded(Shotgun(here.url, login="ann", password="legacy words"))
            equal(projects(legacy), [])
            wrong = here.bounded(Shotgun(here.url, login="ann", password="ann-pass-1"))
            refused_as(AuthenticationFault, "Can't authenticate user 'ann'.", wrong.find, "Project", [])
            # By its number, the client takes this for a refused password.
            refused_as(
                UserCredentialsNotAllowedForOxygenAuthenticationFault,
                "User promotion to active is permitted only for Identity Users",
                here.script().create,
                "HumanUser",
                {"login": "new", "firstname": "New"},
            )
            here.script().create("HumanUser", {"login": "new", "firstname": "New", "sg_status_list": "dis"})


@check
def locked_accounts():
    with site("--lock-after", "2", "--lock-for", "60") as here:
        text = "Can't authenticate user 'artist'."
        for _ in range(2):
            refused_as(AuthenticationFault, text, here.artist(password="wrong").find, "Project", [])
        refused_as(AuthenticationFault, text, here.artist().find, "Project", [])
        admin = here.script()
        artist = admin.find_one("HumanUser", [["login", "is", "artist"]], ["locked_until"])
        assert artist["locked_until"] is not None
        equal(len(admin.find("EventLogEntry", [["event_type", "is", "Shotgun_User_FailedLogin"]])), 2)
        admin.update("HumanUser", artist["id"], {"locked_until": None})
        equal(projects(here.artist()), [1])


@check
def blocked_clients():
    with site("--block-user-agent", "bad-tool") as here:
        client = here.script()
        equal(len(client.find("Shot", [], limit=1)), 1)
        client.add_user_agent("bad-tool (1.0)")
        fault = refused_as(ProtocolError, "API access blocked", client.find, "Shot", [])
        equal(fault.errcode, 403)
    with site("--block-api") as here:
        refused_as(ProtocolError, "API access blocked", here.script)


@check
def sessions():
    with site("--session-lifetime", "1") as here:
        token = here.artist().get_session_token()
        client = here.session(token)
        equal(projects(client), [1])
        equal(client.get_session_token(), token)
        time.sleep(1.2)
        refused_as(AuthenticationFault, f"Can't authenticate session token ending with '{token[-4:]}'", client.find, "Project", [])


@check
def sign_in_by_the_browser():
    with site() as here:
        assert here.script().info()["authentication_app_session_launcher_enabled"]
        place = f"{here.url}/internal_api/app_session_request"
        names = urllib.parse.urlencode({"appName": "Paint 2", "machineId": "box-é"}).encode()
        with urllib.request.urlopen(place, names, timeout=TIMEOUT_SECONDS) as reply:
            asked = json.load(reply)

        def collected():
            request = urllib.request.Request(f"{place}/{asked['sessionRequestId']}", method="PUT")
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
                return json.load(reply)

        equal(collected(), {"approved": False})
        browser, _ = here.browser("artist")
        assert "Approved" in submit(browser, asked["url"], {"decision": "approve"})
        reply = collected()
        equal((reply["approved"], reply["userLogin"]), (True, "artist"))
        equal(projects(here.session(reply["sessionToken"])), [1])
        fault = refused_as(urllib.error.HTTPError, "404", collected)
        equal(fault.headers.get_content_type(), "application/json")


def main():
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok      {name}")
        except Exception:  # any failure is the check's result
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed (shotgun_api3 {shotgun_api3.__version__})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    COMMAND = sys.argv[1]
    main()
