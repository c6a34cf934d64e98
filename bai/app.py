"""`python -m app` in the image: the name that older application packages call."""

import sys

from bai.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
