"""Ways to run a job: each behind the Executor protocol."""
