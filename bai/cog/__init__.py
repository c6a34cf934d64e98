"""Writing a Cloud Optimized GeoTIFF: layout, tile encoding and the file itself."""
