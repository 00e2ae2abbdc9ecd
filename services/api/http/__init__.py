"""What any route needs: reading a request, answering it, rejecting it."""
