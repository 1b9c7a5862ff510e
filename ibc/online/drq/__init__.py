"""Learning by interaction from pictures: DrQ-v2 on the task's reward."""
