"""``python -m core``: see :mod:`.cli`."""

import sys

from .cli import main
from .native_threads import wait_passively

wait_passively()
sys.exit(main())
