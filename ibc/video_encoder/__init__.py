"""Learning a space of videos in which the expert's are near to each other."""
