"""How fast it is, beside the others: `make bench`."""
