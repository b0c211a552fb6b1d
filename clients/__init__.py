"""Clients run jobs: an agent, its transfers, and its executors."""
