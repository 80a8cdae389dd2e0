"""Compare the project with its committed hashes: ``python -m tests.golden``; with ``--write``, renew their file."""

import argparse
import sys

from spec.presets import PRESETS
from tests.golden.committed import load_hashes, save_hashes
from tests.golden.hashes import designs, logits, products, programs, random_programs, reviews


def main() -> int:
    """Compute every hash and say which differ; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="renew the committed file instead")
    write = parser.parse_args().write
    committed = load_hashes()
    same = different = 0
    for group in (logits(), products(), programs(), random_programs(), designs(*PRESETS), reviews()):
        for name, found in group:
            if found == committed.get(name):
                same += 1
                continue
            different += 1
            print(f"{name}: {committed.get(name)} committed, {found} found", flush=True)
            if write:
                committed[name] = found
                save_hashes(committed)
    print(f"{same} hashes are as committed, {different} are not")
    return 1 if different and not write else 0


if __name__ == "__main__":
    sys.exit(main())
