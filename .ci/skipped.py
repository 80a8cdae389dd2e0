"""Print the test files of which something was skipped because a package was not installed, from a report of pytest."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree


def main() -> None:
    """Read the report that the command line names."""
    files = set()
    for skip in ElementTree.parse(sys.argv[1]).iter("skipped"):
        text = f"{skip.get('message')} {skip.text}"
        if "not installed" in text:
            found = re.search(r"[^\s'\"(]*tests/[^\s'\":]+\.py", text)
            if not found:
                raise SystemExit(f"no test file in: {text}")
            files.add(str(Path(found[0]).resolve().relative_to(Path.cwd())))
    print(*sorted(files))


main()
