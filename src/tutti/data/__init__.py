"""Sources of data: a module here with `Config` and `make` is a kind of dataset, named by its file."""
