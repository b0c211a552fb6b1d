"""The append-only log: a port, an adapter in memory and one on NATS JetStream."""
