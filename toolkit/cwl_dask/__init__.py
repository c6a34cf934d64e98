"""DaskGatewayRequirement for CWL runners: claim a Dask cluster before a step, dismiss it after, whatever happens.

Runs beside cwltool 3.1 (Calrissian 0.18.1's pin) and current cwltool; imports neither `bai` nor `bai_kit`.
"""

__version__ = "0.1.0"
