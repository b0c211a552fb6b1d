"""The only writer of the log: it decides, appends, and answers."""
