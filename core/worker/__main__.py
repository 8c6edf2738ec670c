"""``python -m core.worker``: see :mod:`.server`."""

from .server import main

main()
