"""Chemistry of single molecules: bonds, and GFN-xTB."""
