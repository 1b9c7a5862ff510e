"""Learning by interaction: expert data, replay and the loop that collects and learns."""
