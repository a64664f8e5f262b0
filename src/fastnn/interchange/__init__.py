"""Models from and to other libraries and formats: a module each, loaded when it is asked for."""
