"""Reading STAC Items: which assets hold the bands, their offsets, and how their addresses are resolved."""
