"""``python -m sw``: classify, quantize, matmul."""

import sys

from sw.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
