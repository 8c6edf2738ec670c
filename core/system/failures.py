"""The table of failures: what tools print, what it means, what to do next.

Rows are tried from the top: the particular before the general. Every row has an example as a tool
really prints it; the tests hold each row to its own example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A row.

    Attributes:
        code: Stable name, for programs.
        message: One sentence: what is wrong.
        advice: What to do next.
        pattern: Recognises the raw text.
        example: A raw text of this kind.
    """

    code: str
    message: str
    advice: str
    pattern: re.Pattern[str]
    example: str

    @property
    def shown(self) -> str:
        """The part of the example that the pattern finds."""
        found = self.pattern.search(self.example)
        return found[0] if found else ""


def _row(code: str, message: str, advice: str, pattern: str, example: str) -> Failure:
    return Failure(code, message, advice, re.compile(pattern, re.IGNORECASE), example)


FAILURES = (
    # Disk and files
    _row(
        "disk-full",
        "The disk is full.",
        "Free some space or move the folder to another disk, then go on: downloads are kept.",
        r"no space left on device|os error 28\b|errno 28\b|os error 112\b|WinError 112\b|not enough space on the disk"
        r"|disk quota exceeded",
        "error: Failed to write to the distribution cache\n  Caused by: No space left on device (os error 28)",
    ),
    _row(
        "path-too-long",
        "A path is longer than Windows allows.",
        "Choose a shorter folder for the runtime, such as C:\\facelift.",
        r"os error 206\b|WinError 206\b|file ?name or extension is too long|file name too long",
        "error: failed to create file `torch\\include\\ATen`: The filename or extension is too long. (os error 206)",
    ),
    _row(
        "virus-scanner",
        "A virus scanner or a policy of this computer blocked a file.",
        "Allow the runtime's folder in the virus scanner, or switch on 'Use pip' in the preferences, then try again.",
        r"WinError 225\b|os error 225\b|contains a virus|WinError 4551\b|os error 4551\b|application control policy"
        r"|blocked by (?:group )?policy",
        "OSError: [WinError 225] Operation did not complete successfully because the file contains a virus",
    ),
    _row(
        "file-in-use",
        "A file of the runtime is in use by another program.",
        "Press Stop Background Process, close other Blender windows, then try again.",
        r"being used by another process|WinError 32\b|os error 32\)|text file busy",
        "error: failed to remove file: The process cannot access the file because it is being used by another process. "
        "(os error 32)",
    ),
    _row(
        "read-only",
        "The disk is read-only.",
        "Choose a folder on a disk that can be written.",
        r"read-only file system",
        "error: failed to create directory `/mnt/image/rt`: Read-only file system (os error 30)",
    ),
    # What comes over the network
    _row(
        "wrong-hash",
        "A downloaded package has other bytes than the published one.",
        "Try again; if it stays, a proxy or mirror changes files: ask who runs it.",
        r"hash mismatch for|do not match the hashes",
        "  × Failed to download `numpy==2.4.6`\n  ╰─▶ Hash mismatch for `numpy==2.4.6`",
    ),
    _row(
        "certificate",
        "The server's certificate is not trusted; often a company's proxy stands in between.",
        "Ask for the company's root certificate, install it in the system, or name it in SSL_CERT_FILE.",
        r"invalid peer certificate|unknownissuer|certificate_verify_failed|self[- ]signed certificate",
        "  Caused by: invalid peer certificate: UnknownIssuer",
    ),
    _row(
        "proxy",
        "The proxy wants a name and a password.",
        "Set HTTPS_PROXY to https://name:password@proxy:port before Blender starts.",
        r"\b407\b|proxy authentication required|tunnel connection failed",
        "OSError: Tunnel connection failed: 407 Proxy Authentication Required",
    ),
    _row(
        "no-name",
        "The server's name can't be found: there is no connection, or only one through a proxy.",
        "Check the connection; behind a proxy set HTTPS_PROXY, or install from a folder of wheels.",
        r"dns error|name or service not known|getaddrinfo failed|name resolution|could not resolve host"
        r"|nodename nor servname",
        "  Caused by: dns error\n  Caused by: failed to lookup address information: Name or service not known",
    ),
    _row(
        "not-allowed",
        "The server refuses access.",
        "A mirror may want a name or a token: set it in its address or its variable (HF_TOKEN for weights).",
        r"\b401\b.{0,20}unauthorized|\b403\b.{0,20}forbidden|(?:401|403) client error",
        "  Caused by: HTTP status client error (403 Forbidden) for url (https://mirror.example/simple/torch/)",
    ),
    _row(
        "too-many-requests",
        "The server is asked too often.",
        "Wait some minutes, then go on: downloads are kept.",
        r"\b429\b.{0,20}too many requests|429 client error",
        "HTTP status client error (429 Too Many Requests) for url (https://files.example/torch.whl)",
    ),
    _row(
        "not-there",
        "The server does not have a file that is needed.",
        "If a mirror is set, it lacks PyTorch's index or the file; else update the extension.",
        r"\b404\b.{0,20}not found|404 client error|entry not found",
        "  Caused by: HTTP status client error (404 Not Found) for url (https://mirror.example/whl/cu130/torch/)",
    ),
    _row(
        "server-trouble",
        "The server has trouble.",
        "Try again in some minutes: downloads are kept.",
        r"http status server error|\b50[0234]\b.{0,40}(?:server error|bad gateway|unavailable|time-?out)",
        "HTTP status server error (503 Service Unavailable) for url (https://files.example/torch.whl)",
    ),
    _row(
        "damaged-package",
        "A package is damaged.",
        "Try again; in a folder of wheels replace that file.",
        r"badzipfile|invalid zip|failed to extract archive|failed to read from zip|eocd|is corrupt"
        r"|file is not a zip|wheel .* is invalid",
        "error: Failed to extract archive: torch-2.13.0.whl\n  Caused by: unable to locate the end of central "
        "directory record (EOCD)",
    ),
    # What the resolvers say
    _row(
        "wrong-platform",
        "A package does not exist for this system or this Python.",
        "Check that the folder of wheels was made for this system and Python; else update the extension.",
        r"no wheels with a matching|not a supported wheel on this platform|not compatible with the current platform",
        "Because torch==2.13.0 has no wheels with a matching platform tag (e.g., `macosx_13_0_arm64`)",
    ),
    _row(
        "not-found",
        "A package was not found where it was looked for.",
        "Check the folder of wheels or the mirror; without them, check the connection.",
        r"no solution found when resolving|no matching distribution found|could not find a version that satisfies"
        r"|was not found in the (?:package registry|provided)|requirements are unsatisfiable",
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because torch was not found in the provided package "
        "locations",
    ),
    _row(
        "no-venv",
        "This Python can't make environments.",
        "Install the package python3-venv of the system, or allow uv to run.",
        r"ensurepip is not|no module named (?:venv|ensurepip)",
        "The virtual environment was not created successfully because ensurepip is not available.",
    ),
    # Libraries that do not load
    _row(
        "visual-c",
        "Windows lacks a library that PyTorch needs (Microsoft Visual C++ runtime).",
        "Install the 'Microsoft Visual C++ Redistributable (x64)' from Microsoft, restart, and press Test.",
        r"WinError 126\b|vcruntime140|msvcp140|or one of its dependencies",
        'OSError: [WinError 126] The specified module could not be found. Error loading "C:\\rt\\e1\\Lib\\site-packages'
        '\\torch\\lib\\c10.dll" or one of its dependencies.',
    ),
    _row(
        "library-start",
        "A library of PyTorch does not start; usually a graphics driver that does not fit.",
        "Update the graphics driver, restart, and press Repair.",
        r"WinError 1114\b|dll initialization routine failed",
        "OSError: [WinError 1114] A dynamic link library (DLL) initialization routine failed.",
    ),
    _row(
        "old-linux",
        "This Linux is too old for PyTorch: it needs glibc 2.28.",
        "Use a system from 2019 or later, or another computer (Command, under Background Process).",
        r"GLIBC(?:XX)?_[\d.]+'? not found",
        "ImportError: /lib64/libm.so.6: version `GLIBC_2.28' not found (required by libtorch_cpu.so)",
    ),
    _row(
        "library-missing",
        "A library of the runtime is missing.",
        "Press Repair.",
        r"cannot open shared object file",
        "ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory",
    ),
    _row(
        "package-missing",
        "The runtime is not complete: a Python package is missing.",
        "Press Repair.",
        r"ModuleNotFoundError|ImportError",
        "ModuleNotFoundError: No module named 'diffusers'",
    ),
    # Graphics cards
    _row(
        "driver-old",
        "The NVIDIA driver is too old for this build of PyTorch.",
        "Update the driver, restart, and press Check Again; or Repair, which chooses a build that fits.",
        r"driver version is insufficient|nvidia driver on your system is too old",
        "RuntimeError: The NVIDIA driver on your system is too old (found version 12060).",
    ),
    _row(
        "no-kernel",
        "This build of PyTorch has no code for this card.",
        "Press Check Again, then Repair: another build is chosen.",
        r"no kernel image is available|is not compatible with the current pytorch installation",
        "torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device",
    ),
    _row(
        "cuda-memory",
        "The graphics card has too little free memory.",
        "Close other programs that use the card, then try again.",
        r"cuda out of memory|cuda error: out of memory|mps backend out of memory",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ),
    _row(
        "no-card",
        "PyTorch finds no graphics card.",
        "Check the driver, remote desktop and CUDA_VISIBLE_DEVICES; after sleep or a driver update restart.",
        r"no cuda gpus are available|no cuda-capable device|found no nvidia driver",
        "RuntimeError: No CUDA GPUs are available",
    ),
    _row(
        "wrong-build",
        "The installed PyTorch is a build without support for this card.",
        "Press Repair.",
        r"not compiled with cuda enabled|not built with mps",
        "AssertionError: Torch not compiled with CUDA enabled",
    ),
    _row(
        "card-lost",
        "The graphics driver was reset, or the card stopped answering.",
        "Try again; if it stays, restart the computer and update the driver.",
        r"cuda error|cublas_status|cudnn_status|gpu is lost|driver shutting down",
        "torch.AcceleratorError: CUDA error: unspecified launch failure",
    ),
    # The computer
    _row(
        "memory",
        "The computer ran out of memory.",
        "Close other programs and try again.",
        r"cannot allocate memory|memoryerror|defaultcpuallocator|WinError 1455\b|paging file is too small"
        r"|status -9\b|status 137\b",
        "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
    ),
    _row(
        "old-processor",
        "This processor lacks instructions that PyTorch needs.",
        "Use an engine that needs no setup, or another computer (Command, under Background Process).",
        r"status -4\b|illegal instruction|status 3221225501\b",
        "the self-test ended with status -4",
    ),
    _row(
        "wrong-program",
        "A program is for another kind of computer.",
        "Install the extension's zip that is made for this system.",
        r"exec format error|WinError 193\b|not a valid win32 application",
        "OSError: [Errno 8] Exec format error: 'uv'",
    ),
    _row(
        "no-permission",
        "A file or folder may not be written or started.",
        "Choose a folder of your own, or check its permissions.",
        r"permission denied|access is denied|WinError 5\b|os error 5\)|operation not permitted",
        "error: failed to create directory `/opt/rt`: Permission denied (os error 13)",
    ),
    _row(
        "connection",
        "The connection broke off.",
        "Check it and go on: downloads are kept.",
        r"timed out|timeout|connection (?:reset|refused|aborted|closed)|broken pipe|error sending request"
        r"|incompleteread|tcp connect error|end of file before message|network is unreachable"
        r"|failed to fetch|request failed|error decoding response body",
        "error: Request failed after 3 retries\n  Caused by: operation timed out",
    ),
)
"""All rows."""


def find(raw: str) -> Failure | None:
    """Return the first row of the table that knows a text, or None."""
    return next((failure for failure in FAILURES if failure.pattern.search(raw)), None)
