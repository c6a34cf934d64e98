"""The charts' values as models: the one truth behind the schemas, the READMEs and what the command line renders."""
