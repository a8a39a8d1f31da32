"""Tables of force fields, one module each: from predictions, and of the time that they take."""
