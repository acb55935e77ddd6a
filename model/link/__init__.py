"""The link's protocol, once for both ends."""
