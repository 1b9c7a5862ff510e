"""Imitation from videos: DrQ-v2 on a reward of similarity to an expert's videos."""
