"""Networks from and for other tools: each module is one format, and loads when it is asked for."""
