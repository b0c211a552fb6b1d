"""Named folds of the log, and the read models that answer questions."""
