"""What examples/python/shotgrid.py can do beside the story: sessions, a second factor, the browser, pages, progress.

    python3 module.py <the program shotgrid-sandbox>
"""

import contextlib
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/python"))

import shotgrid  # noqa: E402

SANDBOX = sys.argv.pop(1)


@contextlib.contextmanager
def site(*options):
    command = [SANDBOX, "serve", "--exit-with-stdin", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def artist(ready):
    return next(person for person in ready["people"] if person["role"] == "artist")


def decide(url, person, decision):
    """What a person does in the browser: signs in, and decides on the page."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def send(page, **fields):
        with contextlib.closing(page):
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.read().decode()))
        return browser.open(page.url, urllib.parse.urlencode({**hidden, **fields}).encode(), 10)

    page = send(browser.open(url, None, 10), login=person["login"], password=person["password"])
    send(page, decision=decision).close()


class Module(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ready = cls.enterClassContext(site())

    def script(self):
        return shotgrid.Client.connect_script(self.ready["url"], self.ready["script_name"], self.ready["api_key"])

    def test_a_session_is_taken_along(self):
        person = artist(self.ready)
        first = shotgrid.Client.connect_user(self.ready["url"], person["login"], person["password"])
        second = shotgrid.Client.connect_session(self.ready["url"], first.session_token)
        self.assertEqual(second.session_token, first.session_token)
        second.renew_session(first.session_token)
        self.assertTrue(second.find_one("Shot", []))
        script = self.script()
        with self.assertRaises(shotgrid.Error) as caught:
            script.session_token
        self.assertEqual(caught.exception.name, "INVALID_STATE")

    def test_a_second_factor(self):
        with site("--two-factor") as ready:
            person = artist(ready)
            with self.assertRaises(shotgrid.AuthError) as caught:
                shotgrid.Client.connect_user(ready["url"], person["login"], person["password"])
            self.assertEqual(caught.exception.name, "AUTH_TWO_FACTOR")
            code = subprocess.check_output([SANDBOX, "code", person["totp_secret"]], text=True).strip()
            client = shotgrid.Client.connect_user(ready["url"], person["login"], person["password"], auth_token=code)
            self.assertTrue(client.find_one("Shot", []))

    def test_a_sign_in_by_the_browser(self):
        sign_in = shotgrid.SignIn(self.ready["url"], "Shot List", "workstation-12")
        self.assertIsNone(sign_in.wait(0))
        decide(sign_in.url, artist(self.ready), "approve")
        client = sign_in.wait(20000)
        self.assertTrue(client.find_one("Shot", []))

        rejected = shotgrid.SignIn(self.ready["url"], "Shot List", "workstation-12")
        decide(rejected.url, artist(self.ready), "reject")
        with self.assertRaises(shotgrid.AuthError) as caught:
            rejected.wait(20000)
        self.assertEqual(caught.exception.name, "AUTH_SIGN_IN_REJECTED")

        left = shotgrid.SignIn(self.ready["url"], "Shot List")
        left.cancel()
        with self.assertRaises(shotgrid.Error) as caught:
            left.wait()
        self.assertEqual(caught.exception.name, "CANCELLED")

    def test_pages(self):
        client = self.script()
        whole = client.find("Shot", [], ["code"])
        pages = list(client.pages("Shot", [], ["code"], limit=len(whole) - 1))
        self.assertEqual([shot for page in pages for shot in page], whole[:-1])
        self.assertEqual(list(client.pages("Shot", [["id", "is", -1]])), [[]])
        with self.assertRaises(shotgrid.Error):
            list(client.pages("Shot", [["no_such_field", "is", 1]]))
        next(client.pages("Shot", [])).clear()  # left in the middle

    def test_an_operation_tells_how_far_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            client = self.script()
            version = client.create("Version", {"code": "x", "project": client.find_one("Project", [])})
            path = os.path.join(folder, "x.bin")
            with open(path, "wb") as file:
                file.write(bytes(1 << 20))
            upload = client.begin("upload", "Version", version["id"], path, "sg_uploaded_movie")
            self.assertTrue(upload.wait(20000))
            done, total = upload.progress
            self.assertGreaterEqual(total, 1 << 20)
            self.assertEqual(done, total)
            self.assertIsInstance(upload.result(), int)

            wrong = client.begin("find", "NoSuchType", [])
            with self.assertRaises(shotgrid.Error) as caught:
                wrong.result()
            self.assertEqual(caught.exception.name, "REJECTED")

            stopped = client.begin("find", "Shot", [])
            stopped.cancel()
            self.assertTrue(stopped.wait(20000))

    def test_all_calls_of_a_client_are_cancelled_at_once(self):
        client = self.script()
        told = []

        def call():
            while not told:
                try:
                    client.find("Shot", [])
                except shotgrid.Error as error:
                    told.append(error.name)

        calling = threading.Thread(target=call)
        calling.start()
        for _ in range(1000):
            if told:
                break
            client.cancel_calls()
            time.sleep(0.005)
        calling.join()
        self.assertEqual(told, ["CANCELLED"])
        self.assertTrue(client.find("Shot", []))

    def test_what_the_library_does_not_take_is_told(self):
        client = self.script()
        for wrong in (-1, 1 << 32):
            with self.assertRaisesRegex(ValueError, "timeout_ms is %d" % wrong):
                shotgrid.Client.connect_script(self.ready["url"], "x", "y", timeout_ms=wrong)
        nan = float("nan")
        for place, call in [
            (r"data\.sg_cut_in ", lambda: client.update("Shot", 1, {"code": "x", "sg_cut_in": nan})),
            (r"data\.sg_cut_in ", lambda: client.update("Shot", entity_id=1, data={"sg_cut_in": -float("inf")})),
            (r"filters\[1\]\[2\]\[0\] ", lambda: client.find("Shot", [["code", "is", "x"], ["sg_cut_in", "in", [nan]]])),
            (r"requests\[0\]\.data\.a ", lambda: client.begin("batch", [{"data": {"a": nan}}])),
        ]:
            with self.assertRaisesRegex(ValueError, "^" + place):
                call()
        circle = []
        circle.append(circle)
        with self.assertRaisesRegex(ValueError, "Circular"):
            client.find("Shot", circle)
        for thing in (client, client.later):
            self.assertTrue(hasattr(thing, "find_one"))
            self.assertFalse(hasattr(thing, "fnid_one"))
            with self.assertRaisesRegex(AttributeError, "no method fnid_one"):
                thing.fnid_one("Shot", [])


unittest.main(verbosity=0)
