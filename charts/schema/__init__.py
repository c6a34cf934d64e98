"""Models of the charts' values, from which schemas and tables of the READMEs are generated."""
