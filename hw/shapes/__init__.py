"""What crosses between components: operations and ports."""
