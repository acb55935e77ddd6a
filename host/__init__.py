"""The laboratory PC's side: transport, driver, experiments, command line; needs neither Amaranth nor a compiler."""
