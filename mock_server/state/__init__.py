"""Records, tenants and seeds."""
