"""The command `cwl-dask`: it becomes two processes at once, one that supervises and one that runs cwltool.

Imports little: a signal in the first moment must find its handler, and the supervising process stays small.
"""

import sys

from cwl_dask.local import supervisor


def main() -> int:
    """Run the command line in a supervised process; return its exit code."""
    directory = supervisor.fork()
    from cwl_dask.local.run import run  # noqa: PLC0415 - after the fork, see above

    with supervisor.cleaned(directory):
        return run(sys.argv[1:], directory)


if __name__ == "__main__":
    sys.exit(main())
