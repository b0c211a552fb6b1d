"""Identifiers: a NewType each, so that one kind does not fit where another is meant."""

from datetime import datetime
from typing import NewType

JobId = NewType("JobId", str)
ServiceName = NewType("ServiceName", str)
UserId = NewType("UserId", str)
ClientId = NewType("ClientId", str)
PrincipalId = NewType("PrincipalId", str)
CommandId = NewType("CommandId", str)
BundleId = NewType("BundleId", str)
# One run of an agent; a restarted agent is another incarnation of its client.
Incarnation = NewType("Incarnation", str)

# An event's place in the log, counted from 1; 0 is the empty log's end.
type Position = int
# The writer's time: aware, UTC, microseconds.
type Timestamp = datetime
