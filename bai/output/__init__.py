"""What a run writes beside the map: report, STAC catalogue and picture."""
