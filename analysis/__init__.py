"""Files and arrays in, quantities with uncertainty out. Works on anybody's files."""
