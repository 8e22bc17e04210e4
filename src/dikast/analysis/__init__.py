"""What a run's verdicts look like together: distribution, shape, outliers."""
