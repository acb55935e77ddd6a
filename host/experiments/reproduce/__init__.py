"""``ohmprop reproduce``: the table and figures of Zoppo, Marrone, Corinto 2020 (Front. Neurosci. 14:240), recomputed."""
