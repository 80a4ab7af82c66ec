"""What answers: vectors, logits, probabilities, decisions, voices, evidence, and the directory they come from."""
