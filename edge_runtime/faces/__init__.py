"""Faces in a picture: found, aligned, measured."""
