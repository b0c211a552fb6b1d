"""Rows in DuckDB: jobs, services, clients and the history of events."""
