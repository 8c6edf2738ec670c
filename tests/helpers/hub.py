"""A small Hugging Face hub on the loopback interface: the part of its protocol that downloads use.

``HEAD`` and ``GET /{repository}/resolve/{revision}/{path}``. Large files answer with a redirect to
another server, as the real hub's do, with size and hash in the redirect's headers; small ones come
directly, with git's hash as their tag.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGE_SUFFIXES = (".pt", ".safetensors")
PIECE = 1 << 16


@dataclass
class Hub:
    """What the servers do and what they saw.

    Attributes:
        folder: Files of the repository.
        repository, revision: Its name and commit.
        endpoint: Address for ``HF_ENDPOINT``.
        requests: (method, path, Range header) of every request.
        cuts: Path -> bytes after which its next transfers are cut, one after the other.
        refusals: Path -> HTTP statuses that its next transfers get, one after the other, with Retry-After.
        hold_after: Path -> bytes after which its transfers stand still until :attr:`released`.
        replaced: Path -> other bytes of the same length that are sent.
        token: What requests to the hub must carry; empty for none.
        leaked: Authorization headers that reached the store of large files, which must get none.
    """

    folder: Path
    repository: str
    revision: str
    endpoint: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    refusals: dict[str, list[int]] = field(default_factory=dict)
    hold_after: dict[str, int] = field(default_factory=dict)
    replaced: dict[str, bytes] = field(default_factory=dict)
    token: str = ""
    leaked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def gets(self, path: str) -> list[str | None]:
        """Range headers of the transfers of a file."""
        return [span for method, seen, span in self.requests if method == "GET" and seen == path]


@contextmanager
def serve(folder: Path, repository: str, revision: str) -> Iterator[Hub]:
    """Run the hub and its store of large files until the block ends."""
    hub = Hub(folder, repository, revision)
    store = _server(hub, "/", None)
    front = _server(hub, f"/{repository}/resolve/{revision}/", store.server_address[1])
    hub.endpoint = f"http://127.0.0.1:{front.server_address[1]}"
    try:
        yield hub
    finally:
        hub.released.set()
        for server in (front, store):
            server.shutdown()
            server.server_close()


def _server(hub: Hub, prefix: str, store_port: int | None) -> ThreadingHTTPServer:
    """Start a server; with ``store_port`` it is the hub itself and sends large files' readers there."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, with_body: bool) -> None:
            path = self.path.removeprefix(prefix)
            file = hub.folder / path
            authorization = self.headers.get("Authorization")
            if store_port is None and authorization:
                hub.leaked.append(authorization)
            if store_port is not None and hub.token and authorization != f"Bearer {hub.token}":
                self._start(401, {"Content-Length": "0"})
                return
            if not self.path.startswith(prefix) or not file.is_file():
                self._start(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
                return
            contents = file.read_bytes()
            if store_port is not None and path.endswith(LARGE_SUFFIXES):
                headers = {
                    "Location": f"http://127.0.0.1:{store_port}/{path}",
                    "X-Linked-Size": str(len(contents)),
                    "X-Linked-Etag": f'"{hashlib.sha256(contents).hexdigest()}"',
                    "X-Repo-Commit": hub.revision,
                    "Content-Length": "0",
                }
                self._start(302, headers)
                return
            if hub.refusals.get(path):
                self._start(hub.refusals[path].pop(0), {"Retry-After": "1", "Content-Length": "0"})
                return
            hub.requests.append((self.command, path, self.headers.get("Range")))
            tag = hashlib.sha1(b"blob %d\0" % len(contents) + contents).hexdigest()
            contents = hub.replaced.get(path, contents)
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers.get("Range") else 0
            headers = {
                "ETag": f'"{tag}"',
                "X-Repo-Commit": hub.revision,
                "Accept-Ranges": "bytes",
                "Content-Length": str(len(contents) - start),
            }
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(contents) - 1}/{len(contents)}"
            self._start(206 if start else 200, headers)
            if with_body:
                self._send(path, contents[start:])

        def _start(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _send(self, path: str, contents: bytes) -> None:
            cut = hub.cuts[path].pop(0) if hub.cuts.get(path) else None
            hold = hub.hold_after.get(path)
            for begin in range(0, len(contents), PIECE):
                if hold is not None and begin >= hold and not hub.released.wait(300):
                    break
                if cut is not None and begin >= cut:
                    break
                try:
                    self.wfile.write(contents[begin : begin + PIECE])
                except OSError:
                    break  # The client was killed: some tests do that.
            else:
                return
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
