"""``python -m bench``: measure all parts, or those that are named, and write results and report."""

import os
import sys

# Before NumPy is loaded: as many threads as there are measurements at the same time, and no more.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from bench.cli import main

sys.exit(main())
