"""Is it a person who is before the camera, or a picture of one?"""
