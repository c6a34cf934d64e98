"""`python -m bai_kit` is `bai-kit`."""

from bai_kit.cli.app import main

if __name__ == "__main__":
    main()
