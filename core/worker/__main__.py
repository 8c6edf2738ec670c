"""``python -m core.worker``: see :mod:`.server`."""

from ..system.native_threads import wait_passively
from .server import main

wait_passively()
main()
