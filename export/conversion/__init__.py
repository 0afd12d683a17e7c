"""Recipes, and the conversion to a TFLite flatbuffer."""
