"""The orchestrator decides: domain, event log, writer, API and command line."""
