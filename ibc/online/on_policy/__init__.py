"""Learning from what the present policy has just done: PPO, and learned rewards for it."""
