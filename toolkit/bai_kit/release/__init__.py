"""Helm releases of the two charts: values, deployment, differences and removal."""
