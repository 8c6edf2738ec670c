"""``python -m core``: see :mod:`.cli`."""

import sys

from .command_line.cli import main
from .system.native_threads import wait_passively

wait_passively()
sys.exit(main())
