"""How weights of a finished run become a model that ships with the package."""
