"""One run of a package on Kubernetes: its Job, log, volume folder and results."""
