"""People in the loop: what is worth a look, and the queue from feedback into the labels."""
