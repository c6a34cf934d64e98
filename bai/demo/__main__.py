"""`python -m bai.demo`: make the synthetic scene, and optionally serve it."""

import sys

from bai.demo.scene import main

if __name__ == "__main__":
    sys.exit(main())
