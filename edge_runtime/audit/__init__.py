"""What was decided and changed, in a log that shows when it was cut, edited or reordered."""
