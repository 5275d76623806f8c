"""The engine: does all work that takes time. One module per timer, apart from ``service``."""
