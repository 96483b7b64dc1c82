"""Stage `train`: quantised networks, the fast training graph, the training loop, evaluation."""
