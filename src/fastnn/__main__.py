"""``python -m fastnn`` is the command ``fastnn``."""

from __future__ import annotations

import sys

from fastnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
