"""Application packages: loading, validation, conversion and inputs."""
