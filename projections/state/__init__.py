"""The in-memory folds that the writer decides on: pure."""
