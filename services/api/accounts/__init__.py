"""Routes by which people sign in and out, and look after what opens the server to them."""
