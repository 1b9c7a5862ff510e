"""From a trained policy to one that acts in somebody's own loop."""
