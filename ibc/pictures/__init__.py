"""Pictures of energies: the maths and the drawing. Knows neither policies nor environments."""
