"""Cameras, videos and pictures: whatever yields frames."""
