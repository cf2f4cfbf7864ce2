"""What predict.py is given: paths to images, tables and arrays, made into inputs of a network that was trained."""
