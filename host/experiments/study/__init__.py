"""``ohmprop study``: what is learnt against the properties of the devices, on the golden machine."""
