"""The command line; settings and wiring live here and nowhere else."""
