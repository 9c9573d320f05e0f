"""Files of any program in, positions, cells, species and time out."""
