"""The runner `cwl-dask-calrissian`: Calrissian on Kubernetes, and the guard that cleans up after it."""
