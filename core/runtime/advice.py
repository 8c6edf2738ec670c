"""From what a tool says to what a person should do."""

from __future__ import annotations

from ..errors import FaceLiftError
from ..system.failures import FAILURES, find
from .errors import RuntimeProblem

KEPT_CHARACTERS = 8_000
"""Of a tool's output, kept with the error."""
UNKNOWN = "Try again. If it fails again, copy the report and open an issue."


def explain(raw: str) -> RuntimeProblem:
    """Return the error that a person reads for a tool's output or an exception's text.

    Args:
        raw: The text; its end is kept in ``details["raw"]``, one click away.
    """
    failure = find(raw)
    kept = raw[-KEPT_CHARACTERS:]
    if failure is None:
        lines = [line.strip() for line in raw.splitlines() if line.strip()]
        last = lines[-1][:200] if lines else "no output"
        return RuntimeProblem(f"It failed: {last}", UNKNOWN, code="unknown-failure", raw=kept)
    return RuntimeProblem(failure.message, failure.advice, code=failure.code, raw=kept)


def explained(error: BaseException, report: str = "Open the log and report it, please.") -> FaceLiftError:
    """Return what a person should read for any exception: from the table of failures where that knows it.

    Args:
        error: What was raised.
        report: What to do about one that nobody expected.
    """
    if isinstance(error, FaceLiftError):
        return error
    if isinstance(error, MemoryError):
        return FaceLiftError(
            "The computer ran out of memory.",
            "Close other programs or choose a smaller setting, then try again.",
            code="out-of-memory",
        )
    text = f"{type(error).__name__}: {error}"
    if find(text) is not None:
        return explain(text)
    return FaceLiftError(f"Something went wrong inside ({text}).", report, code="internal")


def troubleshooting_table() -> str:
    """Return the troubleshooting table of the setup's manual, as Markdown."""
    rows = [f"| {failure.message} | {failure.advice} | `{_cell(failure.shown)}` |" for failure in FAILURES]
    return "\n".join(["| What it says | What to do | Seen in the raw text |", "|---|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")
