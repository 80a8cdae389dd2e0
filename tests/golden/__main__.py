"""Compare the project with its committed hashes: ``python -m tests.golden``; with ``--write``, renew their file."""

import argparse
import sys
from itertools import chain

from spec.presets import PRESETS
from tests.golden.committed import load_hashes, save_hashes
from tests.golden.hashes import designs, logits, products, programs, random_programs, reviews


def main() -> int:
    """Compute every hash and say which differ; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="renew the committed file instead")
    write = parser.parse_args().write
    found = dict(chain(logits(), products(), programs(), random_programs(), designs(*PRESETS), reviews()))
    if write:
        save_hashes(load_hashes() | found)
        return 0
    committed = load_hashes()
    different = [name for name in committed | found if committed.get(name) != found.get(name, committed.get(name))]
    for name in different:
        print(f"{name}: {committed.get(name)} committed, {found.get(name)} found")
    print(f"{len(found) - len(different)} of {len(committed | found)} hashes are as committed")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
