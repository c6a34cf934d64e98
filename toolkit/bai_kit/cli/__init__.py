"""The command line: one file for each verb or noun; `options.py` has the options that several commands share."""
