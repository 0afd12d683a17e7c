"""What a whole frame costs, against the usual parts put together."""
