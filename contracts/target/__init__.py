"""Between the judge and the target: how requests get there, what may be sent, what is taken away again."""
