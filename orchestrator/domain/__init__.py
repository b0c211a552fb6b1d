"""What jobs, services and clients are, and what may happen to them: pure."""
