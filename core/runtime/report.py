"""The text of "Copy report": what happened and where, without names of people, photos or secrets."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..version import version

PICTURES = r"\.(?:jpe?g|png|webp|tiff?|bmp|heic|heif|avif|jp2|gif|exr)\b"
MINIMAL_NAME = 3
"""User names shorter than this are hidden in paths only: as words they are everywhere."""

_RULES = (
    # Quoted first: only there a name with blanks has a clear beginning.
    (re.compile(rf"(?P<quote>[\"'`])[^\"'`\n]*{PICTURES}(?P=quote)", re.IGNORECASE), "<photo>"),
    (re.compile(rf"(?:[a-z]:[\\/]|\\\\|~?/)[^\n\"'`<>|:]*?{PICTURES}", re.IGNORECASE), "<photo>"),
    (re.compile(rf"[^\s\"'`<>|/\\]+{PICTURES}", re.IGNORECASE), "<photo>"),
    (re.compile(r"://[^/@\s]+@"), "://<secret>@"),
    (re.compile(r"\bhf_[A-Za-z0-9]{8,}"), "<secret>"),
    (
        re.compile(r"(?i)\b(authorization|token|password|secret)\b([\"']?\s*[:=]\s*)(?:bearer\s+)?[^\s,;]+"),
        r"\1\2<secret>",
    ),
    (re.compile(r"(?i)\bbearer\s+[^\s,;]+"), "bearer <secret>"),
    (re.compile(r"(?i)([a-z]:[\\/]+users[\\/]+|/home/|/users/)[^\\/\n\"':]+(?=[\\/])"), r"\1<user>"),
    (re.compile(r"(?i)([a-z]:[\\/]+users[\\/]+|/home/|/users/)[^\\/\s\"':]+"), r"\1<user>"),
)


def redact(text: str, hidden: Iterable[str] = ()) -> str:
    """Return a text without the home folder, user names, pictures' paths, tokens and passwords.

    Args:
        text: Any text.
        hidden: Further words to hide, such as the names of photos.
    """
    for word in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(word, "<photo>")
    for home in {str(Path.home()), Path.home().as_posix(), str(Path.home()).replace("\\", "\\\\")}:
        if len(home) > 1:
            text = text.replace(home, "~")
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    for name in _names():
        text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", "<user>", text)
    return text


def _names() -> list[str]:
    """Return this user's and this computer's names, as far as they are long enough to be meant."""
    names = [platform.node()]
    try:
        names.append(getpass.getuser())
    except (OSError, KeyError):
        pass  # A container without a user's entry has no name to hide.
    common = {"root", "user", "admin", "localhost"}
    return [name for name in names if len(name) >= MINIMAL_NAME and name.lower() not in common]


def report(
    error: FaceLiftError | None,
    facts: Mapping[str, Any],
    log: str = "",
    hidden: Iterable[str] = (),
) -> str:
    """Return a text for an issue tracker.

    Args:
        error: What went wrong, if anything; its ``details["raw"]`` and ``["traceback"]`` go in.
        facts: What else helps, by name: hardware, runtime, weights.
        log: The end of a log.
        hidden: Words to hide beyond what :func:`redact` finds, such as photos' names.
    """
    lines = [f"FaceLift {version()}", f"{platform.platform()}, Python {sys.version.split()[0]}"]
    lines += [f"{name}: {value}" for name, value in facts.items()]
    lines += [f"{name} is set" for name in ("HTTPS_PROXY", "https_proxy", "HF_ENDPOINT") if os.environ.get(name)]
    if error is not None:
        lines += ["", f"[{error.code}] {error.message}", error.advice]
        # The raw text of an exception is its traceback.
        lines += dict.fromkeys(str(error.details[name]) for name in ("raw", "traceback") if error.details.get(name))
    if log:
        lines += ["", "Log:", log]
    return redact("\n".join(lines), hidden).strip() + "\n"
