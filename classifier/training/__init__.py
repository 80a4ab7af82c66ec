"""What makes a model: features, fitting, calibration, evaluation, card."""
