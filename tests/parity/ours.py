"""This library's side of a case: its C functions, called through ctypes."""

import ctypes
import json
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p

from outcome import Outcome

#: What is called, with the types of its result and parameters: as ctypes would guess them, pointers were cut short.
FUNCTIONS = {
    "sg_options_new": (c_void_p,),
    "sg_options_free": (None, c_void_p),
    "sg_options_set_timeout_ms": (c_int32, c_void_p, c_uint32),
    "sg_options_set_verify_on_connect": (c_int32, c_void_p, c_int32),
    "sg_options_set_no_proxy": (c_int32, c_void_p, c_int32),
    "sg_options_set_sudo_as_login": (c_int32, c_void_p, c_char_p),
    "sg_options_set_auth_token": (c_int32, c_void_p, c_char_p),
    "sg_options_set_session_uuid": (c_int32, c_void_p, c_char_p),
    "sg_options_set_user_agent_suffix": (c_int32, c_void_p, c_char_p),
    "sg_connect_script": (c_int32, c_char_p, c_char_p, c_char_p, c_void_p, POINTER(c_void_p)),
    "sg_connect_user": (c_int32, c_char_p, c_char_p, c_char_p, c_void_p, POINTER(c_void_p)),
    "sg_connect_session": (c_int32, c_char_p, c_char_p, c_void_p, POINTER(c_void_p)),
    "sg_client_free": (None, c_void_p),
    "sg_call": (c_int32, c_void_p, c_char_p, c_char_p, POINTER(c_void_p)),
    "sg_result_json": (c_void_p, c_void_p, POINTER(c_size_t)),
    "sg_result_free": (None, c_void_p),
    "sg_status_name": (c_char_p, c_int32),
    "sg_error_take_last": (c_void_p,),
    "sg_error_free": (None, c_void_p),
    "sg_error_message": (c_char_p, c_void_p),
    "sg_error_server_message": (c_char_p, c_void_p),
    "sg_error_server_code": (c_int64, c_void_p),
}

CREDENTIALS = {
    "script": ("sg_connect_script", ("robot", "0123abcd")),
    "user": ("sg_connect_user", ("anna", "pässword")),
    "session": ("sg_connect_session", ("a token from elsewhere",)),
}

OPTIONS = {
    "sudo_as_login": "sg_options_set_sudo_as_login",
    "auth_token": "sg_options_set_auth_token",
    "session_uuid": "sg_options_set_session_uuid",
    "user_agent": "sg_options_set_user_agent_suffix",
}


class Failed(Exception):
    """A function of the library that did not answer OK."""

    def __init__(self, outcome):
        super().__init__(outcome.message)
        self.outcome = outcome


class Library:
    """The library at a path."""

    def __init__(self, path):
        self._functions = ctypes.CDLL(path)
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(self._functions, name)
            function.restype, function.argtypes = result, arguments

    def run(self, case, url):
        """Connects as the case says, makes its call, and tells what it came to."""
        arguments = case["args"] if "args" in case else case.get("kwargs", {})
        try:
            client = self._connect(case.get("setup", {}), url)
            try:
                text = self._call(client, case["method"], json.dumps(arguments, ensure_ascii=False))
            finally:
                self._functions.sg_client_free(client)
        except Failed as failed:
            return failed.outcome
        return Outcome(value=json.loads(text))

    def _connect(self, setup, url):
        lib = self._functions
        options = lib.sg_options_new()
        try:
            self._check(lib.sg_options_set_timeout_ms(options, 20_000))
            self._check(lib.sg_options_set_no_proxy(options, 1))
            # The official client proves no credentials while it connects.
            self._check(lib.sg_options_set_verify_on_connect(options, 0))
            for name, setter in OPTIONS.items():
                if name in setup:
                    self._check(getattr(lib, setter)(options, setup[name].encode()))
            connect, credentials = CREDENTIALS[setup.get("as", "script")]
            client = c_void_p()
            texts = [text.encode() for text in (url, *credentials)]
            self._check(getattr(lib, connect)(*texts, options, byref(client)))
            return client
        finally:
            lib.sg_options_free(options)

    def _call(self, client, method, arguments):
        lib = self._functions
        result, length = c_void_p(), c_size_t()
        self._check(lib.sg_call(client, method.encode(), arguments.encode(), byref(result)))
        try:
            text = lib.sg_result_json(result, byref(length))
            return ctypes.string_at(text, length.value).decode("utf-8")
        finally:
            lib.sg_result_free(result)

    def _check(self, status):
        if status == 0:
            return
        lib = self._functions
        error = lib.sg_error_take_last()
        try:
            outcome = Outcome(
                error=lib.sg_status_name(status).decode(),
                message=lib.sg_error_message(error).decode("utf-8"),
                said=(lib.sg_error_server_message(error) or b"").decode("utf-8"),
                code=lib.sg_error_server_code(error) or None,
            )
        finally:
            lib.sg_error_free(error)
        raise Failed(outcome)
