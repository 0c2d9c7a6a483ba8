"""The only place that knows Flask and WSGI."""
