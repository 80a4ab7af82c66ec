"""Characters to sentences to n-grams, with offsets that slice the caller's own text."""
