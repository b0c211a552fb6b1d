"""Reading `run.sh` as the shell would: its real commands, and what they may not do."""
