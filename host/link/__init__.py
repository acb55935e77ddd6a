"""A board behind a port: requests, retries, deadlines."""
