"""The runner `cwl-dask`: cwltool on one machine, optionally with a Dask Gateway of its own."""
