"""HTTP: the native API, the original's routes, uploads and transfers."""
