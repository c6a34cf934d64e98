"""The command line: one file a verb or noun, options in `options.py`."""
