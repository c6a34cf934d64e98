"""The files that describe a map: report, STAC catalogue, picture and page."""
