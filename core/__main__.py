"""``python -m core``: see :mod:`.cli`."""

import sys

from .cli import main

sys.exit(main())
