"""What is put on top of two embeddings: distances and the Siamese pair model."""
