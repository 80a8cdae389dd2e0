"""``python -m sw``: classify, quantize, matmul, trace, flash-image."""

import sys

from sw.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
