"""A site that keeps what it is sent and answers as a case says.

Each side of each case has a port of its own, so that a request which comes late is not counted for the next one.
"""

import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INFO = {"version": [8, 60, 0], "full_version": [8, 60, 0, 0], "api_max_entities_per_page": 500}
SESSION = {"results": {"session_id": "the session's token"}}
NO_MORE_ROWS = {"results": {"entities": [], "paging_info": {"has_next_page": False, "entity_count": 0}}}
NO_REPLY = {"exception": True, "message": "The case has no reply for this request.", "error_code": -1}


class Request:
    """A request as it came."""

    def __init__(self, verb, path, headers, body, url):
        self.verb = verb
        self.path = path
        self.headers = headers
        # Each side has a site of its own, whose address stands in what it was told to send back.
        self._url = url
        self.text = body.decode("utf-8", "replace").replace(url, "$site")
        try:
            self.body = json.loads(self.text)
        except ValueError:
            self.body = None

    @property
    def kind(self):
        return self.headers.get("content-type", "").lower()

    @property
    def form(self):
        """What a request carries that is no remote call: the fields of a form in their order, or a file's content."""
        if self.body is not None:
            return None
        if self.kind.startswith("application/x-www-form-urlencoded"):
            pairs = urllib.parse.parse_qsl(self.text, keep_blank_values=True)
            return [[name, value.replace(self._url, "$site")] for name, value in pairs]
        if self.kind.startswith("multipart/form-data"):
            # The boundary is of the client's choosing; everything else is compared to the letter.
            boundary = self.headers["content-type"].split("boundary=")[1]
            return re.split("--%s(?:--)?\r\n" % re.escape(boundary), self.text)
        return self.text

    @property
    def params(self):
        return self.body["params"] if isinstance(self.body, dict) else []

    @property
    def method(self):
        return self.body.get("method_name") if isinstance(self.body, dict) else None

    @property
    def auth(self):
        """The credentials; `info` has none."""
        return self.params[0] if self.params and self.method != "info" else None

    @property
    def arguments(self):
        """What follows the credentials; an empty list where nothing does."""
        return self.params[1:]

    @property
    def page(self):
        first = self.arguments[0] if self.arguments else None
        return first.get("paging", {}).get("current_page") if isinstance(first, dict) else None


def encode(reply):
    """Status, headers and body of a reply of a case.

    A reply is the JSON to send. `{"$text": text, "status": …, "headers": {…}}` is plain text; `{"$raw": text, "type": …, "status": …, "headers": {…}}` is anything else;
    `{"$page": {"from": 1, "to": 500, "has_next_page": true}}` stands for so many rows.
    """
    status, headers = 200, {"content-type": "application/json; charset=utf-8"}
    if isinstance(reply, dict) and "$raw" in reply:
        if reply.get("type") is None:
            del headers["content-type"]
        else:
            headers["content-type"] = reply["type"]
        headers.update(reply.get("headers", {}))
        return reply.get("status", status), headers, reply["$raw"].encode("utf-8")
    if isinstance(reply, dict) and "$text" in reply:
        return reply.get("status", status), {"content-type": "text/plain", **reply.get("headers", {})}, reply["$text"].encode("utf-8")
    if isinstance(reply, dict) and "$page" in reply:
        page = dict(reply["$page"])
        rows = [{"type": "Shot", "id": number} for number in range(page.pop("from"), page.pop("to") + 1)]
        reply = {"results": {"entities": rows, "paging_info": page}}
    return status, headers, json.dumps(reply, ensure_ascii=False).encode("utf-8")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        request = Request(self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body, self.server.site.url)
        status, headers, answer = encode(self.server.site.answer(request))
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value.replace("$site", self.server.site.url))
        answer = answer.replace(b"$site", self.server.site.url.encode())
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = _serve
    do_GET = _serve
    do_PUT = _serve

    def log_message(self, format, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is no news here."""


class Site:
    """The recorder for one client and one case. Use it as a context manager."""

    def __init__(self, case):
        self.requests = []
        self.unanswered = 0
        setup = case.get("setup", {})
        self._info = setup.get("info", INFO)
        self._session = setup.get("session_reply", SESSION)
        self._replies = list(case.get("replies", []))
        self._pages = case.get("pages")
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self
        #: The address to connect to.
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        threading.Thread(target=self._stop, daemon=True).start()

    def _stop(self):
        self._server.shutdown()
        self._server.server_close()

    def unused(self):
        """How many replies nobody asked for."""
        return len(self._replies)

    def answer(self, request):
        with self._lock:
            self.requests.append(request)
            if request.method == "info":
                return self._info
            if request.method == "get_session_token":
                return self._session
            if self._pages is not None and request.page:
                known = request.page <= len(self._pages)
                return self._pages[request.page - 1] if known else NO_MORE_ROWS
            if self._replies:
                return self._replies.pop(0)
            self.unanswered += 1
            return NO_REPLY
