"""Building blocks shared by force fields and generators."""
