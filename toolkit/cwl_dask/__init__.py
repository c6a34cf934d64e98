"""DaskGatewayRequirement for CWL runners: claim a Dask cluster before a step, dismiss it after, whatever happens.

Runs beside cwltool 3.1 (Calrissian 0.18.1's pin) and current cwltool; imports neither `bai` nor `bai_kit`.
"""

PERMANENT, UNSUPPORTED, TEMPORARY = 1, 33, 75
"""Exit codes of a runner beside 0; 33 is cwltool's for a requirement that it cannot meet."""
__version__ = "0.1.0"
