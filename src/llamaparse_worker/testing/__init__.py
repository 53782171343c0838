"""Public test support: fakes, faults and the conformance suite of each seam."""
