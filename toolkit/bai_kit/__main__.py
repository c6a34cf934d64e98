"""`python -m bai_kit` is `bai-kit`."""

from bai_kit.cli import main

if __name__ == "__main__":
    main()
