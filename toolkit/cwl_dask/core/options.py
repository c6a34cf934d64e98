"""The command line options that both runners add to those of cwltool."""

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for clusters."""
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


def positive(text: str) -> int:
    """Parse an option's whole number that is at least 1."""
    if (number := int(text)) < 1:
        raise ValueError
    return number
