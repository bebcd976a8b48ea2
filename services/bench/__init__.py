"""What `medrelay bench` runs: the allocator beside others, on made-up and on public data."""
