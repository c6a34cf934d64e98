"""The burned patches as polygons: traced in each window, merged across windows, written as a GeoPackage."""
