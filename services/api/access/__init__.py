"""Who asks, what a route needs, and whether the one has the other. Every route is closed unless it says otherwise."""
