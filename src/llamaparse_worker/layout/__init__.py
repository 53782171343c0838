"""From characters to reading order, blocks and documents: pure functions on values, standard library and numpy only."""
