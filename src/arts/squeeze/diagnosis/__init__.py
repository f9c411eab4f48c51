"""What reinforcement learning took from a model and gave it: graded samples of two models on the same problems."""
