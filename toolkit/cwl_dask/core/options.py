"""The command line options that both runners add to those of cwltool."""

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for clusters and `--load-schemas`; make cwltool's `--skip-schemas` the default."""
    group = parser.add_argument_group("Dask", "clusters for steps with DaskGatewayRequirement")
    group.add_argument(
        "--max-clusters",
        metavar="N",
        type=positive,
        help="at most N clusters at a time; further steps wait (with --parallel). Default: one for each step.",
    )
    group.add_argument(
        "--reuse-clusters",
        action="store_true",
        help="hand a step's cluster to the next step of this run that wants the same image and options, instead of "
        "dismissing the cluster and claiming another one.",
    )
    parser.add_argument(
        "--load-schemas",
        action="store_false",
        dest="skip_schemas",
        help="fetch the package's $schemas, over the network if they are there; only file formats that are subclasses "
        "of others need them. Default: --skip-schemas.",
    )
    parser.set_defaults(skip_schemas=True)


def positive(text: str) -> int:
    """Parse an option's whole number that is at least 1."""
    if (number := int(text)) < 1:
        raise ValueError
    return number
