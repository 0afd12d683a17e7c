"""Files that dlib wrote, read without dlib: what others trained with it becomes towers here."""
