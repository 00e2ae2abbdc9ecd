"""What two services agree on."""
