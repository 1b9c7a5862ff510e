"""The program that draws what a trained policy thinks: its energy, its samples, its choice."""
