"""Pictures of what policies think: energies, samples, choices; the maths apart from the drawing."""
