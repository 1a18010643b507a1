"""libshotgrid for Python, by ctypes: one file to put beside your tool, nothing to build.

    import shotgrid

    site = shotgrid.Client.connect_script("https://studio.shotgrid.autodesk.com", "my_tool", "its key")
    for shot in site.find("Shot", [["project", "is", {"type": "Project", "id": 70}]], ["code"]):
        print(shot["code"])

Methods and their arguments are those of shotgun_api3. What fails raises an Error; what a permission role forbids raises
PermissionRefused, which says what was refused and by which role. With asyncio: `await site.later.find(...)`. Many rows come
by `site.pages("Shot", ...)`, page by page; `site.begin("upload", ...)` goes on by itself and tells how far it is; SignIn signs a
person in by the browser.

The shared library is looked for under the path in the environment variable SHOTGRID_LIBRARY, then where the system
looks for libraries.
"""

import asyncio
import contextlib
import ctypes
import json
import math
import os
import platform
import sys
import threading
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

__all__ = ["AuthError", "Client", "Error", "NetworkError", "Operation", "PermissionRefused", "Queue", "SignIn", "shutdown"]


def _load():
    named = os.environ.get("SHOTGRID_LIBRARY")
    usual = {"win32": ["shotgrid.dll"], "darwin": ["libshotgrid.0.dylib", "libshotgrid.dylib"]}
    for name in [named] if named else usual.get(sys.platform, ["libshotgrid.so.0", "libshotgrid.so"]):
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            failure = error
    raise ImportError("libshotgrid cannot be loaded (SHOTGRID_LIBRARY may name it): %s" % failure)


_library = _load()
_DoneFunction = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
_FinalizeFunction = ctypes.CFUNCTYPE(None, c_void_p)


def _declare(name, result, *arguments):
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_OUT = POINTER(c_void_p)
_status_name = _declare("sg_status_name", c_char_p, c_int32)
_options_new = _declare("sg_options_new", c_void_p)
_options_free = _declare("sg_options_free", None, c_void_p)
_options_set_timeout_ms = _declare("sg_options_set_timeout_ms", c_int32, c_void_p, c_uint32)
_options_set_sudo_as_login = _declare("sg_options_set_sudo_as_login", c_int32, c_void_p, c_char_p)
_options_set_ca_file = _declare("sg_options_set_ca_file", c_int32, c_void_p, c_char_p)
_options_set_auth_token = _declare("sg_options_set_auth_token", c_int32, c_void_p, c_char_p)
_options_set_proxy = _declare("sg_options_set_proxy", c_int32, c_void_p, c_char_p)
_connect_user = _declare("sg_connect_user", c_int32, c_char_p, c_char_p, c_char_p, c_void_p, _OUT)
_connect_script = _declare("sg_connect_script", c_int32, c_char_p, c_char_p, c_char_p, c_void_p, _OUT)
_connect_session = _declare("sg_connect_session", c_int32, c_char_p, c_char_p, c_void_p, _OUT)
_client_free = _declare("sg_client_free", None, c_void_p)
_client_cancel_calls = _declare("sg_client_cancel_calls", c_int32, c_void_p)
_client_session_token = _declare("sg_client_session_token", c_int32, c_void_p, c_char_p, c_size_t, POINTER(c_size_t))
_client_renew_session = _declare("sg_client_renew_session", c_int32, c_void_p, c_char_p)
_sign_in_new = _declare("sg_sign_in_new", c_int32, c_char_p, c_char_p, c_char_p, c_void_p, _OUT)
_sign_in_begin = _declare("sg_sign_in_begin", c_int32, c_void_p)
_sign_in_url = _declare("sg_sign_in_url", c_char_p, c_void_p)
_sign_in_open_browser = _declare("sg_sign_in_open_browser", c_int32, c_void_p)
_sign_in_wait = _declare("sg_sign_in_wait", c_int32, c_void_p, c_int64, _OUT)
_sign_in_cancel = _declare("sg_sign_in_cancel", c_int32, c_void_p)
_sign_in_free = _declare("sg_sign_in_free", None, c_void_p)
_pages_open = _declare("sg_pages_open", c_int32, c_void_p, c_char_p, _OUT)
_pages_next = _declare("sg_pages_next", c_int32, c_void_p, _OUT)
_pages_free = _declare("sg_pages_free", None, c_void_p)
_call = _declare("sg_call", c_int32, c_void_p, c_char_p, c_char_p, _OUT)
_submit = _declare("sg_submit", c_int32, c_void_p, c_char_p, c_char_p, c_void_p, _OUT)
_result_json = _declare("sg_result_json", c_void_p, c_void_p, POINTER(c_size_t))
_result_free = _declare("sg_result_free", None, c_void_p)
_op_wait = _declare("sg_op_wait", c_int32, c_void_p, c_int64)
_op_progress = _declare("sg_op_progress", c_int32, c_void_p, POINTER(c_uint64), POINTER(c_uint64))
_op_cancel = _declare("sg_op_cancel", c_int32, c_void_p)
_op_take_result = _declare("sg_op_take_result", c_int32, c_void_p, _OUT)
_op_error = _declare("sg_op_error", c_void_p, c_void_p)
_op_free = _declare("sg_op_free", None, c_void_p)
_queue_new = _declare("sg_queue_new", c_int32, _OUT)
_queue_fd = _declare("sg_queue_fd", c_int32, c_void_p)
_queue_dispatch = _declare("sg_queue_dispatch", c_int32, c_void_p, c_uint32, c_int64, POINTER(c_uint32))
_queue_on_done = _declare("sg_queue_on_done", c_int32, c_void_p, c_void_p, _DoneFunction, c_void_p, _FinalizeFunction)
_queue_free = _declare("sg_queue_free", None, c_void_p)
_error_take_last = _declare("sg_error_take_last", c_void_p)
_error_free = _declare("sg_error_free", None, c_void_p)
_shutdown = _declare("sg_runtime_shutdown", c_int32, c_uint32)
_METHODS = json.loads(_declare("sg_methods_json", c_char_p)())

_ERROR_PARTS = {
    name: _declare("sg_error_" + name, kind, c_void_p)
    for name, kind in {
        "status": c_int32,
        "message": c_char_p,
        "server_message": c_char_p,
        "server_code": c_int64,
        "http_status": c_int32,
        "is_retryable": c_int32,
        "retry_after_ms": c_int64,
        "may_have_applied": c_int32,
        "batch_index": c_int64,
        "operation": c_char_p,
        "entity_type": c_char_p,
        "entity_id": c_int64,
        "field": c_char_p,
        "role": c_char_p,
        "rule_id": c_int64,
        "rule_text": c_char_p,
    }.items()
}


class Error(Exception):
    """A call that failed. Everything that the library knows about it is an attribute, named as in shotgrid.h."""

    def __init__(self, parts):
        super().__init__(parts["message"])
        self.name = _status_name(parts["status"]).decode()
        self.__dict__.update(parts)
        self.is_retryable = bool(self.is_retryable)
        self.may_have_applied = bool(self.may_have_applied)


class AuthError(Error):
    """Who are you: the site does not accept the credentials."""


class PermissionRefused(Error):
    """You may not: see operation, entity_type, entity_id, field, role, rule_id and rule_text."""


class NetworkError(Error):
    """Time limits, the network, its secure connections, and sites that are down."""


# Not a failure: what was waited for is not there yet.
_TIMEOUT_WAIT = 776
_CLASSES = {8: NetworkError, 16: NetworkError, 17: NetworkError, 49: NetworkError, 32: AuthError, 33: PermissionRefused}


def _made(record):
    parts = {name: read(record) for name, read in _ERROR_PARTS.items()}
    parts = {name: part.decode() if isinstance(part, bytes) else part for name, part in parts.items()}
    return _CLASSES.get(parts["status"] & 0xFF, Error)(parts)


def _check(status):
    if status != 0:
        record = _error_take_last()
        try:
            raise _made(record)
        finally:
            _error_free(record)


def _text(text):
    if text is None:
        return None
    encoded = text.encode("utf-8")
    if b"\0" in encoded:
        raise ValueError("a text for the site holds a NUL character")
    return encoded


def _parameters(method, positional, keywords):
    if positional and keywords:
        names = [parameter["name"] for parameter in _METHODS.get(method, {"parameters": []})["parameters"]]
        if len(positional) > len(names) or keywords.keys() & names[: len(positional)]:
            raise TypeError("%s takes (%s), each once" % (method, ", ".join(names)))
        keywords = dict(zip(names, positional), **keywords)
        positional = ()
    try:
        return json.dumps(positional or keywords, default=_plain, allow_nan=False).encode("ascii")
    except ValueError:
        if positional:
            names = [parameter["name"] for parameter in _METHODS.get(method, {"parameters": []})["parameters"]]
            keywords = dict(zip(names, positional))
        for name, value in keywords.items():
            place = _not_finite(value, name)
            if place is not None:
                raise ValueError("%s is no number that JSON has: nan and inf cannot be sent to a site" % place) from None
        raise


def _not_finite(value, place, depth=0):
    """Where in a value a number is that is none, or has no end."""
    if isinstance(value, float) and not math.isfinite(value):
        return place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for name, part in parts if depth < 128 else ():
        found = _not_finite(part, "%s[%d]" % (place, name) if isinstance(name, int) else "%s.%s" % (place, name), depth + 1)
        if found is not None:
            return found
    return None


def _plain(value):
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError("%s cannot be sent to a site" % type(value).__name__)


class _Handle:
    """Owns one object of the library. Python may collect handles in any order: the library does not mind."""

    def __init__(self, make, free):
        self._free = free
        self._pointer = None
        out = c_void_p()
        _check(make(byref(out)))
        self._pointer = out.value

    def close(self):
        """Frees it now; also done by `with`, and by the collector."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            self._free(pointer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_pointer", None) is not None:
            self.close()

    @property
    def _as_parameter_(self):
        if self._pointer is None:
            raise ValueError("%s was closed" % type(self).__name__)
        return c_void_p(self._pointer)


def _value(result):
    """A result as Python values; frees the result."""
    try:
        length = c_size_t()
        text = _result_json(result, byref(length))
        return json.loads(ctypes.string_at(text, length.value))
    finally:
        _result_free(result)


class Client(_Handle):
    """A signed-in connection. Any number of threads may use one at once; calls let other Python threads run."""

    def __init__(self, connect, site_url, *credentials, **settings):
        self.site_url = site_url
        parts = [_text(part) for part in (site_url,) + credentials]
        with _options(settings) as options:
            super().__init__(lambda out: connect(*parts, options, out), _client_free)

    @classmethod
    def connect_user(cls, site_url, login, password, **settings):
        """Signs in as a person. Settings: timeout_ms, sudo_as_login, ca_file, proxy, and auth_token: the code of a second
        factor."""
        return cls(_connect_user, site_url, login, password, **settings)

    @classmethod
    def connect_script(cls, site_url, script_name, api_key, **settings):
        """Signs in as a script."""
        return cls(_connect_script, site_url, script_name, api_key, **settings)

    @classmethod
    def connect_session(cls, site_url, session_token, **settings):
        """Goes on with a session that somebody signed in to."""
        return cls(_connect_session, site_url, session_token, **settings)

    @property
    def session_token(self):
        """The session's token, for connect_session() another time: whoever has it is this person. Scripts have no session."""
        length = c_size_t()
        _check(_client_session_token(self, None, 0, byref(length)))
        # Renewed in between, it may be longer.
        buffer = ctypes.create_string_buffer(length.value + 256)
        _check(_client_session_token(self, buffer, len(buffer), byref(length)))
        return buffer.value.decode()

    def renew_session(self, session_token):
        """Goes on in another session, such as that of a SignIn; None: nobody will sign in."""
        _check(_client_renew_session(self, _text(session_token)))

    def pages(self, *positional, **keywords):
        """The rows of a find, page by page and read ahead; arguments as find() takes them, without `page`."""
        with _Handle(lambda out: _pages_open(self, _parameters("find", positional, keywords), out), _pages_free) as pages:
            while True:
                out = c_void_p()
                _check(_pages_next(pages, byref(out)))
                if out.value is None:
                    return
                yield _value(out)

    def cancel_calls(self):
        """Ends every call of this client that is under way, on whatever thread: each raises an Error that is named CANCELLED."""
        _check(_client_cancel_calls(self))

    def begin(self, method, *positional, **keywords):
        """Begins a call and returns at once, with an Operation."""
        return Operation(self, method, positional, keywords)

    def call(self, method, *positional, **keywords):
        """Calls a method by its name."""
        out = c_void_p()
        _check(_call(self, _text(method), _parameters(method, positional, keywords), byref(out)))
        return _value(out)

    def __dir__(self):
        return [*super().__dir__(), *_METHODS]

    @property
    def later(self):
        """The same methods as coroutines of asyncio."""
        return _Later(self)

    def __getattr__(self, method):
        if method not in _METHODS:
            raise AttributeError("the library has no method %s" % method)
        return lambda *positional, **keywords: self.call(method, *positional, **keywords)


_SETTINGS = {
    "timeout_ms": _options_set_timeout_ms,
    "sudo_as_login": _options_set_sudo_as_login,
    "ca_file": _options_set_ca_file,
    "proxy": _options_set_proxy,
    "auth_token": _options_set_auth_token,
}


@contextlib.contextmanager
def _options(settings):
    options = _options_new()
    try:
        for name, value in settings.items():
            if value is None:
                continue
            setter = _SETTINGS.get(name)
            if setter is None:
                raise TypeError("there is no setting %s; there are %s" % (name, ", ".join(_SETTINGS)))
            # ctypes would wrap it around.
            if name == "timeout_ms" and isinstance(value, int) and not 0 <= value < 1 << 32:
                raise ValueError("timeout_ms is %d; it must be from 0 (no limit) to %d" % (value, (1 << 32) - 1))
            _check(setter(options, _text(value) if isinstance(value, str) else value))
        yield options
    finally:
        _options_free(options)


class Operation(_Handle):
    """A call that goes on by itself. To forget it does not stop it: that is cancel()."""

    def __init__(self, client, method, positional, keywords):
        text = _parameters(method, positional, keywords)
        super().__init__(lambda out: _submit(client, _text(method), text, None, out), _op_free)

    def wait(self, timeout_ms=-1):
        """Waits for its end, at most so long; whether it is reached."""
        status = _op_wait(self, timeout_ms)
        if status != _TIMEOUT_WAIT:
            _check(status)
        return status == 0

    @property
    def progress(self):
        """How far the files of an upload or a download are: bytes that were moved, and all of them (0: not known yet)."""
        done, total = c_uint64(), c_uint64()
        _check(_op_progress(self, byref(done), byref(total)))
        return done.value, total.value

    def cancel(self):
        """Stops it: result() then raises an Error that is named CANCELLED."""
        _check(_op_cancel(self))

    def result(self):
        """Waits, and gives what the call came to, once; raises what it failed with."""
        self.wait()
        out = c_void_p()
        _check(_op_take_result(self, byref(out)))
        return _value(out)


class SignIn(_Handle):
    """A person signs in by the browser: no password goes through the tool.

        sign_in = shotgrid.SignIn("https://studio.shotgrid.autodesk.com", "Shot List")
        print("Approve at", sign_in.url)
        sign_in.open_browser()
        site = sign_in.wait()

    The address is worth a session while it is open: show it to this person alone.
    """

    def __init__(self, site_url, app_name, machine_id=None, **settings):
        self.site_url = site_url
        parts = [_text(part) for part in (site_url, app_name, machine_id or platform.node() or "unknown")]
        with _options(settings) as options:
            super().__init__(lambda out: _sign_in_new(*parts, options, out), _sign_in_free)
        _check(_sign_in_begin(self))

    @property
    def url(self):
        """Where the person approves."""
        return _sign_in_url(self).decode()

    def open_browser(self):
        """Has the system open the address. Show it as well: not every machine has a browser that comes up."""
        _check(_sign_in_open_browser(self))

    def wait(self, timeout_ms=-1):
        """The Client, once the person has approved; None while nobody has decided."""

        def connect(site_url, options, out):
            return _sign_in_wait(self, timeout_ms, out)

        try:
            return Client(connect, self.site_url)
        except Error as error:
            if error.status == _TIMEOUT_WAIT:
                return None
            raise

    def cancel(self):
        """Gives it up: who waits for it gets an Error that is named CANCELLED."""
        _check(_sign_in_cancel(self))


class Queue(_Handle):
    """Where calls report that they are done: on the thread that dispatches. A tool with an event loop of its own watches
    fileno(), or calls dispatch() from a timer."""

    def __init__(self):
        self._waiting = {}
        super().__init__(_queue_new, _queue_free)
        # The queue and its callback belong together, so neither can be collected while the other is in use.
        waiting = self._waiting

        def done(op, key):
            waiting.pop(key)(op)

        self._done = _DoneFunction(done)

    def fileno(self):
        return _queue_fd(self)

    def dispatch(self, timeout_ms=0):
        """Runs the functions that are due, waiting for one at most so long; gives how many ran."""
        count = c_uint32()
        _check(_queue_dispatch(self, 0, timeout_ms, byref(count)))
        return count.value

    def submit(self, client, method, positional, keywords, on_done):
        """Begins a call. `on_done(value, error)` is called in dispatch(). Gives a function that cancels the call."""
        op = _Handle(lambda out: _submit(client, _text(method), _parameters(method, positional, keywords), None, out), _op_free)

        def finished(pointer):
            out = c_void_p()
            try:
                if _op_take_result(pointer, byref(out)) == 0:
                    on_done(_value(out), None)
                else:
                    on_done(None, _made(_op_error(pointer)))
            finally:
                op.close()

        key = id(op)
        self._waiting[key] = finished
        try:
            _check(_queue_on_done(self, op, self._done, key, _FinalizeFunction()))
        except Error:
            del self._waiting[key]
            raise
        return lambda: None if op._pointer is None else _check(_op_cancel(op))


class _Later:
    """The client's methods as coroutines of asyncio."""

    _queues = {}
    _lock = threading.Lock()

    def __init__(self, client):
        self._client = client

    def __getattr__(self, method):
        if method not in _METHODS:
            raise AttributeError("the library has no method %s" % method)
        return lambda *positional, **keywords: self._call(method, positional, keywords)

    async def _call(self, method, positional, keywords):
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def on_done(value, error):
            if future.done():
                return
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        cancel = self._queue(loop).submit(self._client, method, positional, keywords, on_done)
        future.add_done_callback(lambda done: cancel() if done.cancelled() else None)
        return await future

    @classmethod
    def _queue(cls, loop):
        # Loops of several threads have a queue each.
        with cls._lock:
            for closed in [known for known in cls._queues if known.is_closed()]:
                cls._queues.pop(closed).close()
            if loop not in cls._queues:
                queue = cls._queues[loop] = Queue()
                loop.add_reader(queue.fileno(), queue.dispatch)
            return cls._queues[loop]


def shutdown(timeout_ms=5000):
    """Ends the library's threads, for hosts that unload Python. New clients may be made afterwards."""
    _check(_shutdown(timeout_ms))
