"""What any route needs: reading requests, writing answers, refusing."""
