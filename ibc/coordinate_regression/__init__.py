"""From a picture to its dot's coordinate with few examples: implicit against explicit models."""
