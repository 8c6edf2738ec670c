"""What can go wrong with the runtime."""

from __future__ import annotations

from ..errors import EngineUnavailable


class RuntimeProblem(EngineUnavailable):
    """The runtime can't be installed or used; ``details["raw"]`` has the tool's own words."""

    code = "runtime-problem"
