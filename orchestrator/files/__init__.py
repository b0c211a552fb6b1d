"""Inputs and results: bundles, manifests and where they are stored."""
