"""The Kubernetes API: requests, streams, permissions, and why a pod does not start."""
