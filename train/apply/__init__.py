"""What a trained tower is good for, besides doors."""
