"""How people come in: secrets, passwords, passkeys, sessions, the claim of a new server, and who need not sign in."""
