"""A host with an OpenSSL of its own: both it and libshotgrid speak TLS in one process, whichever came first.

    in_the_way.py serve CERTIFICATE KEY PORT-OF-THE-SITE
    in_the_way.py host SECURE-PORT LIBSHOTGRID LIBCRYPTO LIBSSL openssl-first|shotgrid-first

`serve` prints its port and passes on what comes in by TLS. `host` puts OpenSSL where the loader looks first (RTLD_GLOBAL), as the programs do
that link it, makes a call with each library in turn, and prints what it found.
"""

import concurrent.futures
import ctypes
import os
import socket
import sys
import threading


def serve(certificate, key, site_port):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def pass_on(plain):
        try:
            secure = context.wrap_socket(plain, server_side=True)
            site = socket.create_connection(("127.0.0.1", int(site_port)))
        except OSError as error:
            print(f"refused: {error}", file=sys.stderr, flush=True)
            return
        threading.Thread(target=pump, args=(site, secure), daemon=True).start()
        pump(secure, site)

    def accept():
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=pass_on, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()  # The one who started us closes it at the latest with its own end.


class OpenSSL:
    """Enough of OpenSSL to fetch a page, by the functions that 1.1 and 3 have alike."""

    def __init__(self, libcrypto, libssl):
        self.crypto = ctypes.CDLL(libcrypto, mode=ctypes.RTLD_GLOBAL)
        self.ssl = ctypes.CDLL(libssl, mode=ctypes.RTLD_GLOBAL)
        self.crypto.OpenSSL_version.restype = ctypes.c_char_p
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self.ssl, name).restype = ctypes.c_void_p

    def version(self):
        return self.crypto.OpenSSL_version(0).decode()

    def fetch(self, port):
        pointer = ctypes.c_void_p
        context = pointer(self.ssl.SSL_CTX_new(pointer(self.ssl.TLS_client_method())))
        connection = pointer(self.ssl.SSL_new(context))
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.settimeout(None)
            self.ssl.SSL_set_fd(connection, plain.fileno())
            if self.ssl.SSL_connect(connection) != 1:
                raise RuntimeError("OpenSSL could not connect")
            request = b"GET /api3/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            self.ssl.SSL_write(connection, request, len(request))
            reply = ctypes.create_string_buffer(4096)
            length = self.ssl.SSL_read(connection, reply, len(reply))
            if length <= 0 or not reply.raw.startswith(b"HTTP/1.1 "):
                raise RuntimeError(f"OpenSSL read {length} bytes: {reply.raw[:40]!r}")
        self.ssl.SSL_free(connection)
        self.ssl.SSL_CTX_free(context)


class Shotgrid:
    """Enough of libshotgrid to list shots."""

    def __init__(self, path):
        # Loaded as plug-ins are: what it exports is seen by nobody else, what others export globally comes before its own.
        self.library = ctypes.CDLL(path)
        self.library.sg_last_error.restype = ctypes.c_char_p

    def find(self, port):
        client, result = ctypes.c_void_p(), ctypes.c_void_p()
        name, key = (os.environ[f"SG_TEST_{part}"].encode() for part in ("SCRIPT_NAME", "API_KEY"))
        status = self.library.sg_connect_script(f"https://localhost:{port}".encode(), name, key, None, ctypes.byref(client))
        if status == 0:
            status = self.library.sg_call(client, b"find", b'["Shot", [], ["code"]]', ctypes.byref(result))
        if status != 0:
            raise RuntimeError(f"libshotgrid: {status}: {self.library.sg_last_error().decode()}")
        self.library.sg_result_free(result)
        self.library.sg_client_free(client)


def host(port, libshotgrid, libcrypto, libssl, order):
    port = int(port)
    if order == "openssl-first":
        openssl = OpenSSL(libcrypto, libssl)
        openssl.fetch(port)
        shotgrid = Shotgrid(libshotgrid)
    else:
        shotgrid = Shotgrid(libshotgrid)
        shotgrid.find(port)
        openssl = OpenSSL(libcrypto, libssl)
    for _ in range(3):
        shotgrid.find(port)
        openssl.fetch(port)
    # Both from several threads at once. A future gives back what its thread raised.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(work, port) for _ in range(4) for work in (shotgrid.find, openssl.fetch)]
    for future in futures:
        future.result()
    print(f"{order}: {openssl.version()} and libshotgrid speak TLS side by side")


if __name__ == "__main__":
    {"serve": serve, "host": host}[sys.argv[1]](*sys.argv[2:])
