"""`python -m tests.search --count 300`."""

import sys

from tests.search.command import main

if __name__ == "__main__":
    sys.exit(main())
