"""Learning energies of pairs of observations by score matching."""
