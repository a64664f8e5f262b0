"""The article about Axon, retold: two networks that predict the fuel economy of cars.

The code is src/fastnn/demo.py, written to be read from top to bottom; it is part of the package so
that `fastnn demo` runs it too. `python examples/auto_mpg.py --help` lists the options.
"""

from __future__ import annotations

import sys

from fastnn.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
