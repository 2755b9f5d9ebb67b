"""What the office door's templates say."""
