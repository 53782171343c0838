"""Writers of result files, in parser processes only."""
