"""A package index on the loopback interface, and small wheels to put in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


def make_wheel(folder: Path, name: str, version: str, padding: int = 0) -> Path:
    """Write a wheel with one module and return it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{name}/data.bin": bytes(padding),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for member, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{member},sha256={digest},{len(data)}")
    files[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return path


@dataclass
class Index:
    """A running index.

    Attributes:
        folder: The files that it serves.
        url: Its address.
        status: What it answers with; everything but 200 without contents.
        cut: Send only half of every file.
        requests: Paths asked for.
    """

    folder: Path
    url: str = ""
    status: int = 200
    cut: bool = False
    requests: list[str] = field(default_factory=list)

    @staticmethod
    def sha256(path: Path) -> str:
        """Return a file's hash."""
        return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def serve_index(folder: Path, kind: str = "html") -> Iterator[Index]:
    """Serve a folder's wheels as a package index until the block ends; ``kind`` is "json" or "html"."""
    index = Index(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.requests.append(self.path)
            if index.status != 200:
                self.send_error(index.status)
                return
            if self.path.startswith("/files/"):
                self._send_file(folder / unquote(self.path).removeprefix("/files/"))
                return
            name = self.path.strip("/").rpartition("/")[2].replace("-", "_")
            wheels = sorted(folder.glob(f"{name}-*.whl"))
            if not wheels:
                self.send_error(404)
            elif kind == "json":
                files = [
                    {"filename": w.name, "url": f"/files/{w.name}", "hashes": {"sha256": Index.sha256(w)}}
                    for w in wheels
                ]
                body = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
                self._answer("application/vnd.pypi.simple.v1+json", json.dumps(body).encode())
            else:
                links = [f'<a href="/files/{w.name}#sha256={Index.sha256(w)}">{w.name}</a>' for w in wheels]
                self._answer("text/html", f"<html><body>{''.join(links)}</body></html>".encode())

        do_HEAD = do_GET

        def _send_file(self, path: Path) -> None:
            span = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            last = path.stat().st_size - 1
            begin, end = (int(span[1]), int(span[2] or last)) if span else (0, last)
            with path.open("rb") as stream:
                stream.seek(begin)
                data = stream.read(end - begin + 1)
            sent = len(data) // 2 if index.cut else len(data)
            self._answer("application/zip", data, sent, 206 if span else 200)

        def _answer(self, kind: str, data: bytes, sent: int | None = None, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data[:sent])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
