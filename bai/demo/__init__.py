"""A synthetic Sentinel-2 pair around a fire with known burnt area, for demonstrations, tests and benchmarks."""
