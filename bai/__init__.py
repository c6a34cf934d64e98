"""Burned Area Intensity (BAI) from two Sentinel-2 Level-2A items: dNBR as a COG, severity classes, a STAC catalogue."""

__version__ = "0.1.0"
