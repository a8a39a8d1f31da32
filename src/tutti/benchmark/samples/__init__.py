"""Tables of generated molecules: samples are judged one by one, then measured as a set."""
