"""Rewards learned from demonstrations, one file each, behind the interface of `learned_reward`."""
